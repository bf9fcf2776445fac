// Times, in the zone and the language of the viewer.

import { keyOf } from './dom.js';

// The page speaks a language, and the browser knows how its country writes times in it: 14:15 or 2:15 pm.
const spoken = document.documentElement.lang;
const language = navigator.languages.find((known) => known.startsWith(`${spoken}-`)) ?? spoken;

/** The zone that the viewer has chosen; undefined for that of the browser. */
let chosen = JSON.parse(localStorage.getItem(keyOf('settings')) ?? '{}').zone || undefined;
const CLOCK = { hour: '2-digit', minute: '2-digit' };
const DAY = { day: 'numeric', month: 'short', ...CLOCK };
const known = new Map();

/** How the clock of a zone is shown. */
function clockOf(zone) {
  if (!known.has(zone)) {
    /** @param {any} shown */
    const format = (shown) => new Intl.DateTimeFormat(language, { ...shown, timeZone: zone });
    try {
      known.set(zone, { time: format(CLOCK), day: format(DAY), week: format({ weekday: 'short', ...DAY }), date: format({ dateStyle: 'short' }) });
    } catch {
      // A browser need not know each zone.
      known.set(zone, null);
    }
  }
  return known.get(zone) ?? clockOf(undefined);
}

/** The zone of all times of the page. */
export const zone = () => chosen ?? Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Shows all times in a zone; empty for that of the browser. Returns whether there is such a zone. */
export function useZone(name) {
  const wanted = name || undefined;
  if (clockOf(wanted) === clockOf(undefined) && wanted) return false;
  if (wanted !== chosen) {
    chosen = wanted;
    showTimes(document);
  }
  return true;
}

const inUnits = (unit) => new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 0 });
const units = Object.entries({ day: 86_400, hour: 3_600, minute: 60 }).map(([unit, of]) => ({ unit, format: inUnits(unit), of }));
/** @type {any} */
const SECOND = { unit: 'second', of: 1 };
const past = new Intl.RelativeTimeFormat(language);

const unitOf = (seconds) => units.find(({ of }) => seconds >= of) ?? units[2];

/** A number of seconds in its largest unit. */
export function length(seconds) {
  const { format, of } = unitOf(seconds);
  return format.format(Math.floor(seconds / of));
}

/** A time of today, or a day with its time. */
export function at(date, zone = chosen) {
  const { time, day, date: dated } = clockOf(zone);
  return (dated.format(date) === dated.format() ? time : day).format(date);
}

/** A time of another zone's clock, and of the viewer's where that shows another. */
function ofZone(date, { zone, here }) {
  const [there, local] = [zone || 'UTC', chosen].map((zone) => clockOf(zone).week.format(date));
  return there === local ? there : `${there} · ${local} ${here}`;
}

/** The clock of the caller, where it shows another time than that of the viewer; else nothing. */
function ofCaller(date, { zone }) {
  const there = at(date, zone);
  return there === at(date) ? '' : `${there} ${document.body.dataset.wordThere}`;
}

/** How long ago a time was, to the second. */
function ago(seconds) {
  const { unit, of } = seconds < 60 ? SECOND : unitOf(seconds);
  return past.format(-Math.floor(seconds / of), unit);
}

/** Until when the text of a time stays what it is, in ms. */
const shownUntil = new WeakMap();
/** Looks at each time at least so often: midnight and a clock that is set change texts too. */
const LOOK_S = 60;

/** For how many seconds a length keeps its text: while it grows, or while it shrinks. */
function steadyFor(seconds, isGrowing, { of } = unitOf(seconds)) {
  return isGrowing ? of - seconds % of : seconds % of;
}

function showTime(time) {
  const date = new Date(time.dateTime);
  if (Number.isNaN(date.getTime())) return;
  const seconds = (Date.now() - date.getTime()) / 1000;
  const [since, kind] = [Math.max(seconds, 0), time.className];
  let text;
  let steady = LOOK_S;
  if (kind === 'zoned') text = ofZone(date, time.dataset);
  else if (kind === 'there') text = ofCaller(date, time.dataset);
  else if (kind === 'ago') [text, steady] = [ago(since), steadyFor(since, true, since < 60 ? SECOND : undefined)];
  else {
    text = kind === 'age' ? length(since) : at(date);
    if (kind === 'due') text += seconds > 0 ? ` · ${length(seconds)} ${document.body.dataset.wordLate}` : ` · ${length(-seconds)}`;
    if (kind === 'age' || kind === 'due') steady = steadyFor(Math.abs(seconds), seconds > 0);
  }
  if (time.textContent !== text) time.textContent = text;
  shownUntil.set(time, Date.now() + 1000 * Math.min(steady, LOOK_S));
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
