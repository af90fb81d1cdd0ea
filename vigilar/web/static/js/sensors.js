// Keeps the list of sensors fresh: the box draws it, we put the new one in place of the old.

import { renewing } from "./fresh.js";
import { stream } from "./stream.js";

const EVERY_MS = 10000;

const refresh = renewing("sensors", "/sensors");
setInterval(refresh, EVERY_MS);
stream.addEventListener("event", ({ detail }) => detail.source_id.startsWith("sensor/") && refresh());
