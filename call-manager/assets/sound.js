// Sounds for new work, without a file: one tab of the browser plays them.
//
// Promise: never for what the person did, never in quiet hours. Where the browser blocks sound, the page shows it.

import { list, page, rowOf } from './dom.js';
import { matches } from './filter.js';
import { setting } from './settings.js';

/** The tones of each priority, in Hz. */
const TONES = { 4: [880, 880, 880], 3: [660, 660], 2: [520], 1: [440] };
const TONE_S = 0.2;

const blocked = document.getElementById('blocked');
/** The follow-ups that ring until somebody has claimed or seen them. */
const ringing = new Set();
let audio = null;
let isSpeaker = false;
let rangAt = 0;

const wanted = () => [1, 2, 3, 4].some((priority) => setting(`sound-${priority}`));

function showBlocked() {
  blocked.hidden = !wanted() || audio?.state === 'running';
}

/** Opens the way to the loudspeaker. Browsers want a click first, so each click tries again. */
function open() {
  if (!wanted()) return showBlocked();
  if (!audio) {
    audio = new AudioContext();
    audio.addEventListener('statechange', () => {
      showBlocked();
      if (audio.state === 'running') list.dispatchEvent(new Event('audible'));
    });
  }
  if (audio.state !== 'running') audio.resume().catch(() => {});
  showBlocked();
}

/** Whether this tab is the one that makes the sounds. */
export function setSpeaker(isIt) {
  isSpeaker = isIt;
}

function isQuiet() {
  const [from, to] = [setting('quiet-from'), setting('quiet-to')];
  if (!from || !to) return false;
  const now = new Date().toTimeString().slice(0, 5);
  return from <= to ? from <= now && now < to : from <= now || now < to;
}

function play(priority) {
  const volume = Number(setting('volume')) / 100;
  TONES[priority].forEach((hertz, index) => {
    const [tone, gain, at] = [audio.createOscillator(), audio.createGain(), audio.currentTime + index * TONE_S * 1.1];
    tone.frequency.value = hertz;
    gain.gain.setValueAtTime(Math.max(volume, 0.0001), at);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + TONE_S);
    tone.connect(gain).connect(audio.destination);
    tone.start(at);
    tone.stop(at + TONE_S);
  });
}

/** Rings for the most urgent of these rows. */
function ring(rows) {
  const priority = Math.max(0, ...rows.map((row) => Number(row.dataset.p)).filter((priority) => setting(`sound-${priority}`)));
  if (!priority || !isSpeaker || isQuiet() || audio?.state !== 'running') return;
  rangAt = Date.now();
  play(priority);
}

function repeat() {
  const rows = [...ringing].map(rowOf).filter((row) => row && matches(row) && !row.dataset.holder && !row.dataset.seen);
  ringing.clear();
  for (const row of rows) ringing.add(row.dataset.id);
  const seconds = Number(setting('repeat'));
  if (seconds && rows.length && Date.now() - rangAt >= seconds * 1000) ring(rows);
}

list.addEventListener('arrived', ({ detail: { row, by } }) => {
  if (by === page.me || !matches(row)) return;
  ringing.add(row.dataset.id);
  ring([row]);
});
for (const button of document.querySelectorAll('#settings [data-play]')) {
  button.addEventListener('click', () => {
    audio ??= new AudioContext();
    audio.resume().then(() => play(button.dataset.play)).catch(() => {});
  });
}
document.addEventListener('input', ({ target }) => {
  if (target.form?.id === 'settings-form') open();
});
for (const event of ['pointerdown', 'keydown']) document.addEventListener(event, open, true);
setInterval(repeat, 1_000);
open();
