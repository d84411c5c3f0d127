// The people and things that generated problems speak of.

import type { Draw } from "./draw.ts";

const GIRLS = ["Ada", "Amy", "Anna", "Clara", "Dora", "Emma", "Eva", "Grace", "Ida", "Jane"];
const BOYS = ["Adam", "Ben", "Carl", "Dan", "Finn", "Jack", "Leo", "Max", "Noah", "Tom"];
const THINGS = ["ball", "bead", "book", "brick", "button", "card", "coin", "cup", "flag", "kite"]
  .concat(["lamp", "marble", "pen", "pencil", "plate", "ribbon", "shell", "stamp", "sticker"]);
const BOXES = ["bag", "bowl", "box", "basket", "case", "chest", "crate", "drawer", "jar", "tin"];
const COLOURS = ["black", "blue", "brown", "green", "grey", "pink", "red", "white", "yellow"];
const SHOPS = ["bakery", "book shop", "farm shop", "hardware store", "market stall", "toy shop"];
const WORKERS = ["baker", "carpenter", "farmer", "gardener", "painter", "potter", "tailor"];

/** Words by the name of their slot. */
export type Words = Readonly<Record<string, string>>;

/** Draws a value for every slot that a template may name. */
export function drawWords(draw: Draw): Words {
  const [A, B, C] = draw.some([...GIRLS, ...BOYS], 3) as [string, string, string];
  const she = GIRLS.includes(A);
  const [thing, other] = draw.some(THINGS, 2) as [string, string];
  const box = draw.one(BOXES);
  const [colour, second] = draw.some(COLOURS, 2) as [string, string];
  return {
    A,
    B,
    C,
    he: she ? "she" : "he",
    He: she ? "She" : "He",
    him: she ? "her" : "him",
    his: she ? "her" : "his",
    thing,
    things: `${thing}s`,
    others: `${other}s`,
    box,
    boxes: box === "box" ? "boxes" : `${box}s`,
    colour,
    second,
    shop: draw.one(SHOPS),
    worker: draw.one(WORKERS),
  };
}
