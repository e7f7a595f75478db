"""Episodes in the formats of other projects: written for them, and read from them with care."""
