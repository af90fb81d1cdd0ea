// The page of arming, alive.

import { begin } from "./arm_panel.js";

begin();
