// Points and comments by keyboard, kept in this browser until they are saved as a CSV file. Nothing is sent anywhere.
(() => {
  const page = document.getElementById("marking");
  const answers = [...page.querySelectorAll(".answer")];
  const storage = `autograde marks ${page.dataset.name} ${page.dataset.stamp}`;
  const state = document.getElementById("state");
  const fields = (answer) => [answer.querySelector(".points"), answer.querySelector(".comment")];

  const wrong = (input) => {
    const text = input.value.trim();
    const points = Number(text);
    return input.validity.badInput || (text !== "" && !(points >= 0 && points <= Number(input.max)));
  };
  const refresh = () => {
    let done = 0;
    for (const answer of answers) {
      const [points] = fields(answer);
      points.setAttribute("aria-invalid", String(wrong(points)));
      done += points.value.trim() !== "" && !wrong(points);
    }
    document.getElementById("done").textContent = done;
  };
  const keep = () => {
    refresh();
    const values = answers.map((answer) => fields(answer).map((field) => field.value));
    try { localStorage.setItem(storage, JSON.stringify(values)); } catch { /* private windows have none */ }
  };
  const restore = () => {
    try {
      const values = JSON.parse(localStorage.getItem(storage) || "null");
      if (Array.isArray(values) && values.length === answers.length) {
        answers.forEach((answer, at) => fields(answer).forEach((field, which) => { field.value = values[at][which]; }));
      }
    } catch { /* as above */ }
  };
  const go = (answer) => {
    if (!answer) return;
    const [points] = fields(answer);
    points.focus();
    points.select();
    answer.scrollIntoView({ block: "nearest" });
  };
  // A cell that a spreadsheet would take for a formula gets an apostrophe, as in the exported file.
  const cell = (text) => {
    const safe = /^[\s\u00a0]*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const table = () => {
    const rows = [["student", "question", "points", "max_points", "extra", "comment", "given"].join(",")];
    for (const answer of answers) {
      const { student, question, most, extra, given } = answer.dataset;
      const [points, comment] = fields(answer);
      rows.push([cell(student), cell(question), points.value.trim(), most, extra, cell(comment.value), given].join(","));
    }
    return rows.join("\n") + "\n";
  };

  page.addEventListener("input", keep);
  page.addEventListener("keydown", (event) => {
    const answer = event.target.closest(".answer");
    const at = answers.indexOf(answer);
    if (event.key === "Enter" && answer && event.target.matches("input, textarea") && !event.shiftKey) {
      event.preventDefault();
      const [points, comment] = fields(answer);
      if (event.target === points) comment.focus(); else go(answers[at + 1]);
    } else if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      go(answers[event.key === "ArrowDown" ? at + 1 : Math.max(at - 1, 0)]);
    } else if (event.altKey && answer && /^Digit[0-9]$/.test(event.code)) {
      event.preventDefault();
      const [points] = fields(answer);
      points.value = String(Math.min(Number(event.code.slice(5)), Number(points.max)));
      keep();
    }
  });
  document.getElementById("save").addEventListener("click", () => {
    const bad = answers.find((answer) => wrong(fields(answer)[0]));
    if (bad) {
      state.textContent = "Some points are not from 0 to the most; the first is in focus.";
      go(bad);
      return;
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
    link.download = `${page.dataset.name}-marks.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
    state.textContent = `Saved as ${link.download}.`;
  });
  restore();
  refresh();
})();
