/**
 * Takes the terminal as `top` does, and then has a fault: thrown or rejected, as the argument says.
 *
 * @module
 */

import { Screen } from "../../../host/top/screen.ts";

const screen = Screen.open();
screen.draw(["before the fault"]);
const fault = () => {
  throw new Error("a fault");
};
setTimeout(Deno.args[0] === "rejected" ? () => void Promise.try(fault) : fault, 100);
