// Loads a page again every ten seconds while it is looked at; without scripts the page does it by itself.
setInterval(() => { if (!document.hidden) location.reload(); }, 10000);
