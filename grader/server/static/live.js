// Follows a submission: where it is, and its verdicts as they fall. Without this the page is loaded again by itself.
const box = document.getElementById("live");
if (box && window.EventSource) {
  const place = document.getElementById("live-place");
  const list = document.getElementById("live-checks");
  const source = new EventSource(box.dataset.events);
  source.addEventListener("place", (event) => {
    const { text } = JSON.parse(event.data);
    if (place.textContent !== text) place.textContent = text;
  });
  source.addEventListener("check", (event) => {
    const check = JSON.parse(event.data);
    let item = [...list.children].find((each) => each.dataset.check === check.id);
    if (!item) {
      item = document.createElement("li");
      item.dataset.check = check.id;
      list.append(item);
    }
    const chip = document.createElement("span");
    chip.className = `chip ${check.tone}`;
    const [sign, word] = [document.createElement("span"), document.createElement("span")];
    sign.setAttribute("aria-hidden", "true");
    sign.textContent = check.sign;
    word.textContent = check.word;
    chip.append(sign, word);
    const title = document.createElement("span");
    title.textContent = check.title.replaceAll("`", "");
    item.replaceChildren(chip, title);
  });
  source.addEventListener("done", () => {
    source.close();
    location.replace(location.pathname);
  });
}
