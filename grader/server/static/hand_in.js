// Files may be dropped anywhere on the form, and a second click sends nothing twice. The form works without this.
const form = document.getElementById("hand-in-form");
if (form) {
  const input = form.querySelector("input[type=file]");
  const stop = (event) => event.preventDefault();
  for (const name of ["dragenter", "dragover"]) {
    form.addEventListener(name, (event) => { stop(event); form.classList.add("dropping"); });
  }
  for (const name of ["dragleave", "drop"]) {
    form.addEventListener(name, (event) => { stop(event); form.classList.remove("dropping"); });
  }
  form.addEventListener("drop", (event) => { if (event.dataTransfer.files.length) input.files = event.dataTransfer.files; });
  form.addEventListener("submit", () => {
    const button = form.querySelector("button");
    button.disabled = true;
    button.textContent = "Handing in …";
  });
}
