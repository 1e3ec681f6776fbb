import { test } from "vitest";
import { libraries, useClients } from "./calls.js";

test.each(libraries)("%s", useClients);
