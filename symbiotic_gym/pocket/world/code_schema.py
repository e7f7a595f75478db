"""The code site's tables, and which of their rows a task may change."""

__all__ = ["SCHEMA", "STATE"]

SCHEMA = """
CREATE TABLE code_projects (
    id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL, name TEXT NOT NULL, slug TEXT NOT NULL, description TEXT NOT NULL,
    visibility TEXT NOT NULL, language TEXT NOT NULL, topics TEXT NOT NULL, created_at TEXT NOT NULL, token TEXT NOT NULL,
    archived INTEGER NOT NULL DEFAULT 0, UNIQUE (owner_id, slug)
);
CREATE TABLE code_members (
    id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL, person_id INTEGER NOT NULL, role TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TABLE code_files (id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL, path TEXT NOT NULL, content TEXT NOT NULL);
CREATE TABLE code_commits (
    id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL, sha TEXT NOT NULL, person_id INTEGER NOT NULL, message TEXT NOT NULL,
    at TEXT NOT NULL, added INTEGER NOT NULL, removed INTEGER NOT NULL
);
CREATE TABLE code_labels (
    id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
    UNIQUE (project_id, name)
);
CREATE TABLE code_milestones (id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL, title TEXT NOT NULL, due TEXT NOT NULL);
CREATE TABLE code_issues (
    id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL, number INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
    author_id INTEGER NOT NULL, assignee_id INTEGER, milestone_id INTEGER, status TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TABLE code_issue_labels (
    issue_id INTEGER NOT NULL, label_id INTEGER NOT NULL, PRIMARY KEY (issue_id, label_id)
);
CREATE TABLE code_merges (
    id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL, number INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
    author_id INTEGER NOT NULL, reviewer_id INTEGER, branch TEXT NOT NULL, added INTEGER NOT NULL, removed INTEGER NOT NULL,
    draft INTEGER NOT NULL, status TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TABLE code_comments (
    id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL,
    person_id INTEGER NOT NULL, body TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TABLE code_todos (
    id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL, author_id INTEGER NOT NULL, project_id INTEGER NOT NULL,
    kind TEXT NOT NULL, number INTEGER NOT NULL, reason TEXT NOT NULL, done INTEGER NOT NULL, at TEXT NOT NULL
);
CREATE TABLE code_stars (person_id INTEGER NOT NULL, project_id INTEGER NOT NULL, PRIMARY KEY (person_id, project_id));
CREATE TABLE code_profiles (
    person_id INTEGER PRIMARY KEY, status TEXT NOT NULL, bio TEXT NOT NULL, location TEXT NOT NULL, notify TEXT NOT NULL
);
CREATE VIEW code_listed AS
    SELECT p.*, o.username AS owner, o.username || '/' || p.slug AS path,
        (SELECT count(*) FROM code_stars s WHERE s.project_id = p.id) AS stars,
        (SELECT max(at) FROM code_commits k WHERE k.project_id = p.id) AS changed_at,
        (SELECT count(*) FROM code_issues i WHERE i.project_id = p.id AND i.status = 'open') AS open_issues,
        (SELECT count(*) FROM code_merges m WHERE m.project_id = p.id AND m.status = 'open') AS open_merges
    FROM code_projects p JOIN people o ON o.id = p.owner_id;
CREATE VIEW code_paths AS
    SELECT p.id, o.username || '/' || p.slug AS path FROM code_projects p JOIN people o ON o.id = p.owner_id;
CREATE INDEX code_issue_by_project ON code_issues (project_id, number);
CREATE INDEX code_comment_by_project ON code_comments (project_id, kind, number);
CREATE INDEX code_file_by_project ON code_files (project_id, path);
CREATE INDEX code_commit_by_project ON code_commits (project_id, at);
CREATE INDEX code_star_by_project ON code_stars (project_id)
"""

STATE = {
    "code projects": "SELECT q.path, p.name, p.description, p.visibility, p.language, p.topics, p.archived "
    "FROM code_projects p JOIN code_paths q USING (id)",
    "code members": "SELECT q.path, m.person_id, m.role FROM code_members m JOIN code_paths q ON q.id = m.project_id",
    "code files": "SELECT q.path, f.path, f.content FROM code_files f JOIN code_paths q ON q.id = f.project_id",
    "code commits": "SELECT q.path, k.person_id, k.message FROM code_commits k JOIN code_paths q ON q.id = k.project_id",
    "code labels": "SELECT q.path, l.name, l.description FROM code_labels l JOIN code_paths q ON q.id = l.project_id",
    "code milestones": "SELECT q.path, s.title, s.due FROM code_milestones s JOIN code_paths q ON q.id = s.project_id",
    "code issues": "SELECT q.path, i.number, i.title, i.body, i.author_id, i.assignee_id, s.title, i.status, "
    "(SELECT group_concat(name, ', ') FROM (SELECT l.name FROM code_issue_labels x JOIN code_labels l ON l.id = x.label_id "
    "WHERE x.issue_id = i.id ORDER BY l.name)) "
    "FROM code_issues i JOIN code_paths q ON q.id = i.project_id LEFT JOIN code_milestones s ON s.id = i.milestone_id",
    "code merge requests": "SELECT q.path, m.number, m.title, m.body, m.author_id, m.reviewer_id, m.branch, m.draft, m.status "
    "FROM code_merges m JOIN code_paths q ON q.id = m.project_id",
    "code comments": "SELECT q.path, c.kind, c.number, c.person_id, c.body FROM code_comments c JOIN code_paths q "
    "ON q.id = c.project_id",
    "code to-dos": "SELECT id, done FROM code_todos",
    "code stars": "SELECT s.person_id, q.path FROM code_stars s JOIN code_paths q ON q.id = s.project_id",
    "code profiles": "SELECT person_id, status, bio, location, notify FROM code_profiles",
}
