// Behaviour that pages ask for by attribute: lists that submit on change, confirmations, tabs, dialogs, parts that load later,
// and suggestions below a search field.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const question = form.dataset.confirm;
  if (!question || form.dataset.confirmed) return;
  event.preventDefault();
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Please confirm");
  const text = document.createElement("p");
  text.textContent = question;
  const yes = document.createElement("button");
  yes.textContent = "Confirm";
  const no = document.createElement("button");
  no.textContent = "Cancel";
  no.className = "quiet";
  yes.addEventListener("click", () => {
    form.dataset.confirmed = "yes";
    form.requestSubmit();
  });
  no.addEventListener("click", () => dialog.remove());
  dialog.append(text, yes, " ", no);
  document.body.append(dialog);
  dialog.showModal();
});

// <div data-tabs><div class="tabs" role="tablist"><button role="tab" aria-controls="ID">…</button></div><section id="ID">…</section></div>
for (const tabs of document.querySelectorAll("[data-tabs]")) {
  const buttons = [...tabs.querySelectorAll("[role=tab]")];
  const show = (chosen) => {
    for (const button of buttons) {
      const open = button === chosen;
      button.setAttribute("aria-selected", open);
      document.getElementById(button.getAttribute("aria-controls")).hidden = !open;
    }
  };
  for (const button of buttons) button.addEventListener("click", () => show(button));
  show(buttons.find((button) => "#" + button.getAttribute("aria-controls") === location.hash) || buttons[0]);
}

// <button data-opens="ID"> shows <dialog id="ID">; a [data-closes] inside hides it
for (const button of document.querySelectorAll("[data-opens]")) {
  button.addEventListener("click", () => document.getElementById(button.dataset.opens).showModal());
}
for (const button of document.querySelectorAll("[data-closes]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

// <div data-load="/part"> is filled with what that address answers, a moment after the page is there
for (const place of document.querySelectorAll("[data-load]")) {
  setTimeout(async () => {
    const answer = await fetch(place.dataset.load);
    place.innerHTML = await answer.text();
  }, 120);
}

// <div class="suggest"><input data-suggest="/suggest?q="></div>: the address answers with a list of {label, url} or {label, value}
for (const input of document.querySelectorAll("input[data-suggest]")) {
  const list = document.createElement("ul");
  list.hidden = true;
  input.parentElement.append(list);
  let asked = 0;
  input.addEventListener("input", async () => {
    const mine = ++asked;
    if (input.value.trim().length < 2) {
      list.hidden = true;
      return;
    }
    const found = await (await fetch(input.dataset.suggest + encodeURIComponent(input.value.trim()))).json();
    if (mine !== asked) return;
    list.replaceChildren(
      ...found.map((entry) => {
        const item = document.createElement("li");
        item.textContent = entry.label;
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();
          if (entry.url) location.href = entry.url;
          else input.value = entry.value;
          list.hidden = true;
        });
        return item;
      }),
    );
    list.hidden = found.length === 0;
  });
  input.addEventListener("blur", () => (list.hidden = true));
}
