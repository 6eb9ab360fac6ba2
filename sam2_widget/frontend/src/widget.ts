// The anywidget module: Jupyter calls `render` for every view of the model.
import { type Model, render } from "./view.ts";

interface RenderProps {
  model: Model;
  el: HTMLElement;
}

/** Other keys are in titles and texts everywhere: the view is made anew. */
function renderWithKeys(props: RenderProps): () => void {
  let close = render(props);
  const again = (): void => {
    close();
    close = render(props);
  };
  props.model.on("change:shortcuts", again);
  return () => {
    props.model.off("change:shortcuts", again);
    close();
  };
}

export default { render: renderWithKeys };
