// Before anything is drawn: the colours that the person has chosen, so that the page does not flash.
try {
  document.documentElement.dataset.theme = localStorage.getItem('theme') ?? '';
} catch {
  // A browser that stores nothing shows its own colours.
}
// What needs scripts is hidden without them.
document.documentElement.classList.add('scripted');
