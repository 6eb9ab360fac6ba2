"""Keys and playing: the help, the user's own keys, and going through the video at any speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.test_main_job import DISC, SHOW, open_sample
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook

OWN = SHOW.replace(
    'model="nano")', 'model="nano", shortcuts={"undo": "z", "track": ["P", "Ctrl+Enter"]})'
)
# Every frame that is painted from now on.
WATCH = """(root) => {
  window.painted = [];
  const note = (changes) => {
    if (changes.some(({ oldValue }) => oldValue !== root.dataset.frame))
      window.painted.push(Number(root.dataset.frame));
  };
  const attributes = { attributeFilter: ["data-frame"], attributeOldValue: true };
  new MutationObserver(note).observe(root, attributes);
}"""
PAINTED = "() => window.painted"


def test_the_help_shows_the_user_s_own_keys_which_work(notebook: OpenNotebook) -> None:
    nb = notebook([OWN])
    nb.run(0)
    widget = Widget(nb)
    widget.wait(frame=0, masks=0)
    status = widget.root.locator(".s2w-status")
    told = (
        "P is “Track this object through the video” here, and no longer “Point: click the object”."
    )
    widget.until(lambda: status.inner_text() == told)
    widget.click(*DISC)
    help_ = widget.root.locator(".s2w-help")
    nb.page.keyboard.press("?")
    help_.wait_for()
    own = help_.locator(".s2w-help-body .s2w-combination[data-own]")
    assert own.all_inner_texts() == ["P", "Ctrl\nEnter", "Z"]
    assert help_.locator(".s2w-help-notes").inner_text() == told
    nb.screenshot("help-light")
    # Keys of the widget and of Jupyter do nothing while it is open, and the focus stays in it.
    for key in ("z", "p", "b", "Tab", "Tab", "Tab"):
        nb.page.keyboard.press(key)
    assert help_.evaluate("(dialog) => dialog.contains(document.activeElement)")
    nb.page.keyboard.press("Escape")
    help_.wait_for(state="hidden")
    assert widget.root.evaluate("(root) => root === document.activeElement")
    assert widget.data("points") == "1"

    undo = widget.action("undo").get_attribute("title")
    assert undo is not None
    assert undo.endswith("(Z)")
    nb.page.keyboard.press("z")
    widget.wait(points=0, masks=0)
    widget.click(*DISC)
    # Ctrl+Z and U were undo's, and are nothing now.
    nb.page.keyboard.press("Control+z")
    nb.page.keyboard.press("u")
    # The view is told of the prompt a little after its mask is painted.
    widget.until(lambda: widget.action("track").is_enabled())
    nb.page.keyboard.press("p")
    widget.wait(job="running")
    widget.wait(job="idle", points=1)
    nb.until("len(ann.masks[1, 'overall'].frames) == 60")

    nb.theme("dark")
    nb.page.keyboard.press("?")
    help_.wait_for()
    nb.screenshot("help-dark")
    nb.resize(460, 800)
    nb.screenshot("help-narrow")
    nb.page.keyboard.press("?")
    help_.wait_for(state="hidden")
    # Other keys from a cell: the view has them at once.
    nb.py("setattr(ann, 'shortcuts', {'next': 'q'})")
    widget.wait(frame=0, masks=1)
    nb.page.wait_for_function(
        "() => document.querySelector('[data-action=next]').title.includes('(Q)')"
    )
    widget.root.focus()
    nb.page.keyboard.press("q")
    widget.wait(frame=1)


def test_a_range_is_played_in_a_loop_at_any_speed_and_j_goes_to_a_frame(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_sample(notebook)
    widget.wait(model="ready")
    widget.root.focus()
    nb.py("setattr(ann, 'look', {'range': [20, 26]})")
    nb.page.keyboard.press("r")
    speed = widget.root.locator(".s2w-speed")
    for key in (">", ">", ">"):
        nb.page.keyboard.press(key)
    assert speed.input_value() == "4"
    nb.until("ann.look['loop'] and ann.look['speed'] == 4")
    speed.select_option("1")
    nb.until("ann.look['speed'] == 1")
    widget.root.focus()
    widget.root.evaluate(WATCH)
    nb.page.keyboard.press("Space")
    # Twice round: the start was painted again after the end, and nothing outside the range was.
    nb.page.wait_for_function(
        "() => window.painted.filter((f, i, all) => i > 0 && f < all[i - 1]).length >= 2"
    )
    nb.page.keyboard.press("Space")
    painted = nb.page.evaluate(PAINTED)
    assert painted[0] == 20
    assert set(painted) <= set(range(20, 27))
    assert len(set(painted)) > 4
    nb.until("20 <= ann.frame_index <= 26")

    nb.page.keyboard.press("j")
    field = widget.root.locator(".s2w-go-to")
    nb.page.keyboard.type("99")
    nb.page.keyboard.press("Enter")
    assert widget.root.locator(".s2w-status").inner_text() == (
        "There is no frame 99: frames are 0 to 59."
    )
    nb.screenshot("go-to-refused", widget.root)
    field.fill("45")
    field.press("Enter")
    widget.wait(frame=45)
    nb.until("ann.frame_index == 45")
    nb.page.keyboard.press("j")
    nb.page.keyboard.type("0:00.5")
    nb.page.keyboard.press("Enter")
    nb.until("ann.frame_index == int(0.5 * ann.video.fps)")
    nb.page.keyboard.press(".")
    nb.page.keyboard.press(".")
    nb.page.keyboard.press(",")
    nb.until("ann.frame_index == int(0.5 * ann.video.fps) + 1")
    nb.screenshot("transport", widget.root)
    nb.theme("dark")
    nb.resize(760, 900)
    nb.screenshot("transport-narrow", widget.root)
