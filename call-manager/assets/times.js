// Times, in the zone and the language of the viewer.

// The page speaks a language, and the browser knows how its country writes times in it: 14:15 or 2:15 pm.
const spoken = document.documentElement.lang;
const language = navigator.languages.find((known) => known.startsWith(`${spoken}-`)) ?? spoken;
const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const inUnits = (unit) => new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 0 });
const units = Object.entries({ day: 86_400, hour: 3_600, minute: 60 }).map(([unit, of]) => ({ format: inUnits(unit), of }));

const unitOf = (seconds) => units.find(({ of }) => seconds >= of) ?? units[2];

/** A number of seconds in its largest unit. */
export function length(seconds) {
  const { format, of } = unitOf(seconds);
  return format.format(Math.floor(seconds / of));
}

/** A time of today, or a day with its time. */
export function at(date) {
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : day.format(date);
}

/** A time of another zone's clock, and of the viewer's where that shows another. */
function ofZone(date, { zone, here }) {
  /** @type {Intl.DateTimeFormatOptions} */
  const shown = { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' };
  const there = new Intl.DateTimeFormat(language, { ...shown, timeZone: zone || 'UTC' }).format(date);
  const local = new Intl.DateTimeFormat(language, shown).format(date);
  return there === local ? there : `${there} · ${local} ${here}`;
}

/** Until when the text of a time stays what it is, in ms. */
const shownUntil = new WeakMap();
/** Looks at each time at least so often: midnight and a clock that is set change texts too. */
const LOOK_S = 60;

/** For how many seconds a length keeps its text: while it grows, or while it shrinks. */
function steadyFor(seconds, isGrowing) {
  const { of } = unitOf(seconds);
  return isGrowing ? of - seconds % of : seconds % of;
}

function showTime(time) {
  const date = new Date(time.dateTime);
  if (Number.isNaN(date.getTime())) return;
  const past = (Date.now() - date.getTime()) / 1000;
  const isRelative = time.className === 'age' || time.className === 'due';
  let text = at(date);
  if (time.className === 'zoned') text = ofZone(date, time.dataset);
  else if (time.className === 'age') text = length(Math.max(past, 0));
  else if (time.className === 'due') text += past > 0 ? ` · ${length(past)} ${document.body.dataset.wordLate}` : ` · ${length(-past)}`;
  if (time.textContent !== text) time.textContent = text;
  shownUntil.set(time, Date.now() + 1000 * Math.min(isRelative ? steadyFor(Math.abs(past), past > 0) : LOOK_S, LOOK_S));
}

/** Shows each time in the zone and the language of the viewer. */
export function showTimes(root) {
  for (const time of root.querySelectorAll('time')) showTime(time);
}

/** Shows all times of the page, and each again when its text changes. Only those are formatted, also among thousands. */
export function keepTimes() {
  const times = document.getElementsByTagName('time');
  showTimes(document);
  setInterval(() => {
    const now = Date.now();
    for (const time of times) if (!(shownUntil.get(time) > now)) showTime(time);
  }, 1_000);
}
