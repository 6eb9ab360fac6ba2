import { describe, expect, test } from "vitest";
import { addressee, encodeRequest, parseAnswer, type RequestKind } from "../src/messages.ts";
import { SchemaError } from "../src/schema.ts";
import { ANSWERS, dataView, goldenAnswer, REQUESTS } from "./golden.ts";

describe("requests", () => {
  test.each(REQUESTS)("the golden $kind (id $id) is encoded as it is", (golden) => {
    const { id, view, kind, ...payload } = golden;
    const encoded = encodeRequest(
      id as number,
      view as string,
      kind as RequestKind,
      payload as never,
    );
    expect(encoded).toEqual(golden);
  });

  test("a position that is not a number is never sent", () => {
    const point = { frame: 0, instance: 1, region: "overall", x: Number.NaN, y: 0, label: 1 };
    expect(() => encodeRequest(1, "v", "add_point", point)).toThrow(SchemaError);
  });
});

describe("answers", () => {
  test.each(ANSWERS)(
    "the golden $content.kind (id $content.id) is understood completely",
    (golden) => {
      const { content, buffers } = golden;
      const { id, view, ...fields } = content;
      const { buffers: bytes, ...parsed } = parseAnswer(content, buffers.map(dataView));
      expect(parsed).toEqual(fields);
      expect(bytes.map((b) => Buffer.from(b).toString("base64"))).toEqual(buffers);
      expect(addressee(content, view as string)).toBe(id);
    },
  );

  test.each([
    [{ revision: "42" }, "state.revision"],
    [{ scopes: [{ instance: 1 }] }, "state.scopes[0].region"],
    [{ changed: [[1, 2, 3]] }, "state.changed[0]"],
    [{ video: null }, "state.video"],
  ])("a wrong field is named: %j", (changes, place) => {
    const { content } = goldenAnswer("state");
    expect(() => parseAnswer({ ...content, ...changes }, [])).toThrow(place);
  });

  test.each([null, 7, "state", [], {}, { kind: "toString" }, { kind: "nonsense" }])(
    "%j is not an answer",
    (content) => {
      expect(() => parseAnswer(content, [])).toThrow(SchemaError);
    },
  );

  test.each([null, "text", { view: "v-2", id: 1 }, { id: 1 }, { view: "v-1", id: "1" }])(
    "%j is for somebody else",
    (content) => {
      expect(addressee(content, "v-1")).toBeNull();
    },
  );
});
