/** Entry of the landing page: / */
import "../css/base.css";
import "../css/controls.css";
import "./shared/page.css";
import "./landing/landing.css";
import { LandingPage } from "./landing/page";

document.body.append(new LandingPage());
