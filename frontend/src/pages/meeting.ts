import "../css/base.css";
import "../css/controls.css";
import "../css/meeting/index.css";
import "../ui/app";

document.body.append(document.createElement("mc-app"));
