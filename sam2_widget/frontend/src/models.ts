// Models: which there are, using another one, and downloading one.
import { type Signal, signal } from "@preact/signals-core";
import { type Connection, Dropped } from "./connection.ts";
import type { ModelChoice } from "./messages.ts";
import type { ViewState } from "./state.ts";

export class Models {
  /** Those there are, as they were told last; null before. */
  readonly choices: Signal<readonly ModelChoice[] | null> = signal(null);
  #state: ViewState;
  #connection: Connection;

  constructor(state: ViewState, connection: Connection) {
    this.#state = state;
    this.#connection = connection;
  }

  /** Asks which there are. */
  async look(): Promise<void> {
    const answer = await this.#report(this.#connection.request("models", {}));
    if (answer) this.choices.value = answer.models;
  }

  /** Uses another one; the status says so while it is loaded. */
  async use(name: string): Promise<void> {
    const answer = await this.#report(this.#connection.request("set_model", { name }));
    if (answer) this.#state.message.value = `${modelTitle(name)} makes the masks from now on.`;
  }

  /** Downloads one, beside whatever else is done; it is used once it is whole. */
  async download(name: string): Promise<void> {
    const answer = await this.#report(this.#connection.request("download_model", { name }));
    if (answer) this.#state.message.value = `Downloading ${modelTitle(name)}: you can go on here.`;
  }

  async cancelDownload(): Promise<void> {
    await this.#report(this.#connection.request("cancel_download", {}));
  }

  /** Failures become messages; what was given up with the view does not. */
  async #report<T>(request: Promise<T>): Promise<T | null> {
    try {
      return await request;
    } catch (error) {
      if (!(error instanceof Dropped)) {
        this.#state.addTrouble(error instanceof Error ? error.message : String(error));
      }
      return null;
    }
  }
}

const OFFICIAL = /^sam2(\.1)?_hiera_(large|base_plus|small|tiny)$/;

/** "SAM 2.1 base plus" for an official name; others as they are. */
export function modelTitle(name: string): string {
  const found = OFFICIAL.exec(name);
  return found ? `SAM 2${found[1] ?? ""} ${sizeOf(name)}` : name;
}

/** "base plus", empty for models that are not official. */
export function sizeOf(name: string): string {
  return (OFFICIAL.exec(name)?.[2] ?? "").replace("_", " ");
}
