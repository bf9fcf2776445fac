// The window in which somebody has signed in again: the other tabs learn it, and it closes.

new BroadcastChannel('session').postMessage('signed in');
window.close();
