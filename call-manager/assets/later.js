// What the first view of the board does not need.

import './batch.js';
import './looking.js';
