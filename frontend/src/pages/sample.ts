/**
 * Entry of the sample page: /nanomeet-frontend/nanomeet-sample.html
 * It uses window.NanoMeet as anybody's page would: loaded by a script tag.
 */
import "../css/base.css";
import "../css/controls.css";
import "./shared/page.css";
import "./sample/sample.css";
import { SampleModel } from "./sample/model";
import { SamplePage } from "./sample/page";

// A link must not be able to send visitors, their token and their camera to
// another server: this page opens rooms of its own server only.
const meet = new window.NanoMeet({ server: location.origin });
const parameter = (name: string) => {
  const value = meet.getQueryVariable(name);
  return (Array.isArray(value) ? value[0] : value) || "";
};
const model = new SampleModel(meet, parameter("token"), parameter("nanomeet.branding"), Date.now());
document.body.append(new SamplePage(model));
