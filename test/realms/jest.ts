import { test } from "@jest/globals";
import { libraries, useClients } from "./calls.js";

test.each(libraries)("%s", useClients);
