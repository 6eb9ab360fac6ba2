// What the user does with files: each request, what is said meanwhile, and what comes of it.
import { type Signal, signal } from "@preact/signals-core";
import { type Connection, Dropped } from "./connection.ts";
import { fetchFile, saveFile } from "./download.ts";
import type { LoadPreview, Payload } from "./messages.ts";
import type { ScopeId, ViewState } from "./state.ts";
import { Cancelled, Uploader } from "./upload.ts";

/** A file of annotations that was uploaded: what loading it would do. */
export interface Loadable {
  token: string;
  preview: LoadPreview;
}

export class Filing {
  /** Asks the user how to load it; null when there is none. */
  readonly loadable: Signal<Loadable | null> = signal(null);
  readonly uploader: Uploader;
  #state: ViewState;
  #connection: Connection;

  constructor(state: ViewState, connection: Connection) {
    this.#state = state;
    this.#connection = connection;
    this.uploader = new Uploader(connection);
  }

  save(): Promise<void> {
    return this.#run("Saving…", async () => {
      const { folder } = await this.#connection.request("save", {});
      return `Saved in ${folder}.`;
    });
  }

  reload(): Promise<void> {
    return this.#run("Reading the project's files…", async () => {
      await this.#connection.request("reload", {});
      return "The project's files were read again; undo starts anew.";
    });
  }

  tryAgain(): Promise<void> {
    return this.#run("Trying to open the project for writing…", async () => {
      await this.#connection.request("try_lock", {});
      return "The project is yours: you can go on here.";
    });
  }

  /** Everything, or one scope in the shape of the original tool, into the browser's downloads. */
  export(scope: ScopeId | null): Promise<void> {
    const { instance, region } = scope ?? { instance: null, region: null };
    return this.#run("Preparing the export…", async () => {
      const offer = await this.#connection.request("export", { instance, region });
      const blob = await fetchFile(this.#connection, offer, (share) => {
        this.#state.busy.value = `Exporting ${offer.name}: ${Math.floor(100 * share)} %`;
      });
      saveFile(blob, offer.name);
      return `Exported ${offer.name}.`;
    });
  }

  /** Sends a file and asks how to load it. */
  choose(file: File): Promise<void> {
    return this.#run(`Sending ${file.name}…`, async () => {
      const { token } = await this.uploader.upload(file, "annotations");
      const preview = await this.#connection.request("preview_load", { token });
      this.loadable.value = { token, preview };
      return "";
    });
  }

  apply(how: Payload<"apply_load">["how"]): Promise<void> {
    return this.#run("Loading…", async () => {
      const loadable = this.loadable.peek();
      this.loadable.value = null;
      if (!loadable) return "";
      await this.#connection.request("apply_load", { token: loadable.token, how });
      return how === "merge" ? "Merged. Undo takes it back." : "Replaced. Undo takes it back.";
    });
  }

  /** Gives up what is being sent, or was sent and is not loaded yet. */
  cancel(): void {
    this.uploader.cancel();
    const loadable = this.loadable.peek();
    this.loadable.value = null;
    if (!loadable) return;
    this.#connection.request("cancel_upload", { token: loadable.token }).catch(() => {});
  }

  close(): void {
    this.uploader.close();
  }

  /** One at a time; what it returns is said at the end, and failures become messages. */
  async #run(text: string, act: () => Promise<string>): Promise<void> {
    const { busy, message, troubles } = this.#state;
    if (busy.peek()) return;
    busy.value = text;
    message.value = "";
    try {
      message.value = await act();
      troubles.value = [];
    } catch (error) {
      if (!(error instanceof Dropped) && !(error instanceof Cancelled)) {
        this.#state.addTrouble(error instanceof Error ? error.message : String(error));
      }
    } finally {
      busy.value = "";
    }
  }
}
