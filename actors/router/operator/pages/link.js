/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is behind the # is the link, and stays here. The path says of what kind it is; one letter: a short link, which
 * names the servers that it is found at in its parameter h. */
"use strict";
const titles = {
  contact: "Connect with a SimpleX contact", a: "Connect with a SimpleX contact", c: "Join a SimpleX channel",
  g: "Join a SimpleX group", r: "Connect by a SimpleX relay", invitation: "You are invited to connect",
  i: "You are invited to connect",
};

function withServer(fragment, host) {
  if (!fragment.includes("?")) return fragment + "?h=" + host;
  if (!/[?&]h=/.test(fragment)) return fragment + "&h=" + host;
  return fragment.replace(/([?&]h=)/, "$1" + host + ",");
}

function show() {
  const kind = location.pathname.split("/").filter(Boolean).pop() || "";
  const fragment = location.hash;
  const isWhole = fragment.length > 2;
  const link = "https://" + location.host + "/" + kind + fragment;
  const isShort = kind.length === 1;
  document.getElementById("title").textContent = titles[kind] || "You have got a SimpleX link";
  document.getElementById("connect").hidden = document.getElementById("manual").hidden = !isWhole;
  document.getElementById("missing").hidden = isWhole;
  if (!isWhole) return;
  document.getElementById("open").href = "simplex:/" + kind + (isShort ? withServer(fragment, location.hostname) : fragment);
  document.getElementById("link").textContent = link;
  document.getElementById("command").textContent = "/c " + link;
  const code = document.getElementById("code");
  const image = qrImage(link);
  code.hidden = image === null;
  if (image !== null) code.replaceChildren(image);
}

addEventListener("hashchange", show);
show();
