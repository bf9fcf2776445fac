// The board: patches rows as they change, and sends the forms of the page without leaving it. Each module has one concern.
//
// Promise: no row moves under the pointer or the focus, and no text that was typed is lost.

import './page.js';
import './rows.js';
import './panel.js';
import './forms.js';
import './pointer.js';
import './keys.js';
import './selection.js';
import './notices.js';
import './sound.js';
import './return.js';
import './views.js';
import './live.js';

/** Loads the rest, once the first view is there. It needs no click, so it is there also when the server is away later. */
const loadRest = () => import('./later.js').catch(() => setTimeout(loadRest, 5_000));
loadRest();
