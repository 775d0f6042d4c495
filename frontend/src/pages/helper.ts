/** Entry of the token creator: /nanomeet-frontend/nanomeet-helper.html */
import "../css/base.css";
import "../css/controls.css";
import "./shared/page.css";
import "./helper/helper.css";
import { NanoMeet } from "../lib/nanomeet/nanomeet";
import { HelperModel } from "./helper/model";
import { HelperPage } from "./helper/page";

const query = new URLSearchParams(location.search);
const start = {
  apiKey: query.get("bintu.apikey") ?? "",
  room: query.get("nanomeet.room") ?? "",
  server: query.get("nanomeet.server") || location.host,
};
const service = new NanoMeet({ server: location.origin });
document.body.append(new HelperPage(new HelperModel(service, start, Date.now())));
