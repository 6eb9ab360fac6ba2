// Tests run in a simulated browser page; pure parts do not mind it.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "happy-dom",
    include: ["test/**/*.test.ts"],
    restoreMocks: true,
    testTimeout: 30_000,
  },
});
