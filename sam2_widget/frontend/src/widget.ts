// The anywidget module: Jupyter calls `render` for every view of the model.
import { type Model, render } from "./view.ts";

interface RenderProps {
  model: Model;
  el: HTMLElement;
}

export default { render: (props: RenderProps) => render(props) };
