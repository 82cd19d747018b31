/* Copyright (c) 2026, fleetops.patchtrain contributors
   GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
   SPDX-License-Identifier: GPL-3.0-or-later

   Narrows, orders and opens the host list, and shows times in the reader's zone. Text only ever becomes text nodes. */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const by = (id) => document.getElementById(id);
  const rowsBody = by("rows");
  const rows = rowsBody ? [...rowsBody.rows] : [];
  const RESULTS = {failed: "bad", excluded: "warn", held: "warn", deferred: "warn", pending: "warn", installed: "ok"};
  const CLASSES = ["security", "unknown", "bugfix", "enhancement", "other"];
  const FIRST = 100;

  /* ---- times ---- */
  const shape = (options) => new Intl.DateTimeFormat(undefined, {hourCycle: "h23", ...options});
  const SHAPES = {
    full: shape({dateStyle: "medium", timeStyle: "short"}),
    minute: shape({hour: "2-digit", minute: "2-digit"}),
    second: shape({hour: "2-digit", minute: "2-digit", second: "2-digit"}),
    day: shape({day: "numeric", month: "short", hour: "2-digit", minute: "2-digit"}),
  };
  const show = (epoch, as) => {
    const moment = new Date(epoch * 1000);
    return isNaN(moment) ? "" : (SHAPES[as] || SHAPES.full).format(moment);
  };

  function duration(seconds) {
    if (seconds > 0 && seconds < 1) return "<1 s";
    const whole = Math.max(0, Math.round(seconds));
    const pair = (big, unit, small, smaller) => small ? `${big} ${unit} ${small} ${smaller}` : `${big} ${unit}`;
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return pair(Math.floor(whole / 60), "min", whole % 60, "s");
    if (whole < 86400) return pair(Math.floor(whole / 3600), "h", Math.floor(whole % 3600 / 60), "min");
    return pair(Math.floor(whole / 86400), "d", Math.floor(whole % 86400 / 3600), "h");
  }

  function localTimes() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const epoch = Date.parse(time.dateTime) / 1000;
      if (isNaN(epoch)) continue;
      if (time.dataset.as === "age") time.title = show(epoch);
      else {
        time.textContent = show(epoch, time.dataset.as);
        time.title = time.dateTime;
      }
    }
    for (const tick of document.querySelectorAll("text[data-t]")) tick.textContent = show(+tick.dataset.t, tick.dataset.as);
    for (const bar of document.querySelectorAll("rect[data-from]")) {
      const until = bar.dataset.to ? ` to ${show(+bar.dataset.to, "second")}` : "";
      bar.firstElementChild.textContent += `, from ${show(+bar.dataset.from, "second")}${until}`;
    }
    by("zone").textContent = `Times are in your zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone}.`;
  }

  function sayWhenOld() {
    const passed = Date.now() / 1000 - data.generated_at;
    if (!data.generated_at || passed < 86400) return;
    by("old").textContent = `This page was written ${duration(passed)} ago. Ages are as of then; the fleet has moved on.`;
    by("old").hidden = false;
  }

  /* ---- building ---- */
  function make(tag, className, ...children) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return node;
  }

  const box = (title, ...children) => make("div", "box", make("h3", "", title), ...children);

  function table(title, columns, records) {
    const head = make("tr", "", ...columns.map((column) => {
      const cell = make("th", "", column.label);
      cell.scope = "col";
      return cell;
    }));
    const body = make("tbody", "");
    const fill = (from, to) => body.append(...records.slice(from, to).map((record) => line(columns, record)));
    fill(0, FIRST);
    const whole = box(`${title} (${records.length.toLocaleString()})`, make("table", "data", make("thead", "", head), body));
    if (records.length > FIRST) whole.append(moreButton(records.length, () => fill(FIRST)));
    return whole;
  }

  function line(columns, record) {
    return make("tr", "", ...columns.map((column, index) => {
      const content = column.cell(record);
      const cell = make(index ? "td" : "th", column.kind || "", content);
      if (!index) cell.scope = "row";
      else if (content) cell.dataset.label = column.label;
      else cell.dataset.none = "";
      return cell;
    }));
  }

  function moreButton(total, action) {
    const button = make("button", "chip more", `Show all ${total.toLocaleString()}`);
    button.type = "button";
    button.addEventListener("click", () => { action(); button.remove(); });
    return button;
  }

  const plain = (lines) => make("ul", "plain", ...lines.map((text) => make("li", "", text)));

  function pairs(list) {
    return make("dl", "pairs", ...list.filter((pair) => pair[1]).map(([name, value]) => make("div", "", make("dt", "", name), make("dd", "", value))));
  }

  function when(epoch, as) {
    if (epoch === null || epoch === undefined) return "";
    const time = make("time", "", show(epoch, as));
    const moment = new Date(epoch * 1000);
    if (!isNaN(moment)) time.dateTime = time.title = moment.toISOString();
    return time;
  }

  /* ---- what is said about one host ---- */
  const arch = (name, machine) => make("span", "", name, machine && machine !== "noarch" ? make("small", "", ` ${machine}`) : "");
  const ids = (list) => list.length ? make("span", "ids", ...list.flatMap((id, index) => [make("span", "", index < list.length - 1 ? `${id},` : id), " "])) : "";
  const tinted = (text, tone) => text ? make("span", tone || "", String(text).replaceAll("_", " ")) : "";

  function shell(command) {
    const code = make("code", "cmd", ...command.split(" ").flatMap((word) => [make("span", "", word), " "]).slice(0, -1));
    code.tabIndex = 0;
    return code;
  }

  function todo(host) {
    if (!host.todo) return null;
    return box("Next", make("p", "", host.todo), host.command ? shell(host.command) : make("p", "quiet", "Its name can't stand in a command: give it by hand."));
  }

  function obstacles(host) {
    const lines = (host.obstacles || []).map(([kind, message]) => `${kind.replaceAll("_", " ")}: ${message}`);
    if (host.interrupted) lines.push(`interrupted transaction: ${host.interrupted}`);
    return lines.length ? box("What stands in the way", plain(lines)) : null;
  }

  function why(host) {
    const told = new Set([host.reason, ...(host.obstacles || []).map(([, message]) => message)]);
    const lines = (host.why || []).filter((reason) => !told.has(reason));
    return lines.length && host.status !== "compliant" ? box("Why it is not compliant", plain(lines)) : null;
  }

  function facts(host) {
    const restart = host.rebooted ? `done${host.reboot_seconds ? `, ${duration(host.reboot_seconds)}` : ""}` : host.reboot_due ? "pending" : "";
    const assessed = make("span", "", when(host.assessed), host.age === undefined ? "" : make("small", "", ` ${duration(host.age)} before this report`));
    return box("Host", pairs([
      ["System", host.platform], ["Kernel", host.kernel], ["Package manager", host.manager],
      ["Assessed", host.assessed ? assessed : "never"],
      ["Metadata age", host.metadata_age === undefined ? "" : duration(host.metadata_age)],
      ["Out of service", outOfService(host)], ["As planned", predicted(host)],
      ["Reboot", restart], ["Reboot asked for by", (host.reboot_reasons || []).join(", ")],
    ]));
  }

  function outOfService(host) {
    return host.out && make("span", "", ...host.out.flatMap(([from, to], index) => [index ? "; " : "", ...stretch(from, to)]));
  }

  function predicted(host) {
    return host.predicted && make("span", "", ...stretch(host.predicted[0], host.predicted[1]), host.predicted[2] ? make("small", "", ", assumed") : "");
  }

  function stretch(from, to) {
    if (to === null) return ["since ", when(from, "second"), ", ", make("b", "bad-text", "not back yet")];
    return [when(from, "second"), " to ", when(to, "second"), make("small", "", ` ${duration(to - from)}`)];
  }

  const position = (list, item) => (list.indexOf(item) + list.length + 1) % (list.length + 1);

  function changes(host) {
    if (!host.changes) return null;
    const order = Object.keys(RESULTS);
    const list = host.changes.map((index) => data.changes[index]).sort((a, b) => position(order, a[5]) - position(order, b[5]));
    return table("Packages", [
      {label: "Package", cell: (c) => arch(c[0], c[1])},
      {label: "From", kind: "ver", cell: (c) => c[2] || "new"},
      {label: "To", kind: "ver", cell: (c) => c[3] || "removed"},
      {label: "Kind", kind: "kind", cell: (c) => tinted(c[4])},
      {label: "Result", cell: (c) => tinted(c[5], RESULTS[c[5]])},
      {label: "Reason", cell: (c) => c[6] || ""},
    ], list);
  }

  function pending(host) {
    if (!host.updates) return null;
    const list = host.updates.map((index) => data.updates[index]).sort((a, b) => position(CLASSES, a[4]) - position(CLASSES, b[4]));
    const kind = (u) => make("span", "", tinted(u[4], u[4] === "security" ? "bad" : ""), u[5] && u[5] !== "unknown" ? make("small", "", ` ${u[5]}`) : "");
    return table("Pending updates", [
      {label: "Package", cell: (u) => arch(u[0], u[1])},
      {label: "Installed", kind: "ver", cell: (u) => u[2]},
      {label: "Candidate", kind: "ver", cell: (u) => u[3]},
      {label: "Kind", kind: "kind", cell: kind},
      {label: "Advisories, CVEs", cell: (u) => ids([...(u[6] || []), ...(u[7] || [])])},
      {label: "Note", cell: (u) => [u[9] ? "held" : "", u[10] ? "phased" : "", u[8]].filter(Boolean).join(", ")},
    ], list);
  }

  function release(host) {
    if (!host.release) return null;
    const digest = (text) => text ? make("span", "digest", text) : "";
    return box("Release", pairs([
      ["Attached to", host.release], ["Digest", digest(host.digest)],
      ["Should be", host.intended ? make("b", "bad-text", host.intended) : ""], ["Its digest", digest(host.intended_digest)],
      ["Drift", host.digest ? `${host.drift ? host.drift.length : "none"}${host.last_seen ? " when last seen" : ""}` : ""],
      ["Upstream", data.since[host.digest] || ""],
    ]));
  }

  function drift(host) {
    if (!host.drift) return null;
    const kinds = {version: ["version", "bad"], kernel: ["kernel", "bad"], source: ["source", "bad"], unknown: ["unknown to the release", "warn"]};
    const orphan = (d) => d[2] === "unknown" ? make("span", "warn", "none feeds it") : "";
    return table("Differences from its release", [
      {label: "Package", cell: (d) => arch(d[0] || d[5] || "", d[1])},
      {label: "Kind", kind: "kind", cell: (d) => tinted(...(kinds[d[2]] || [d[2], "bad"]))},
      {label: "Is", kind: "ver", cell: (d) => d[3] || (d[2] === "version" ? "missing" : "")},
      {label: "Should be", kind: "ver", cell: (d) => d[4] || ""},
      {label: "Source", cell: (d) => d[5] || orphan(d)},
    ], host.drift.map((index) => data.drifts[index]));
  }

  function steps(host) {
    if (!host.steps) return null;
    const bad = ["failed", "timeout", "unreachable", "lost"];
    return table("Steps", [
      {label: "Step", cell: (s) => tinted(s[0])},
      {label: "Place", cell: (s) => s[1] && s[1] !== host.name ? String(s[1]) : ""},
      {label: "From", cell: (s) => when(s[2], "second")},
      {label: "Took", cell: (s) => s[2] === null ? "" : s[3] === null ? "not ended" : duration(s[3] - s[2])},
      {label: "Outcome", cell: (s) => tinted(s[4], bad.includes(s[4]) ? "bad" : "")},
      {label: "Message", cell: (s) => s[5] || ""},
    ], host.steps);
  }

  function log(host) {
    if (!host.log) return host.log_elsewhere ? box("Log", make("p", "quiet", "Too long for this page; it is in the JSON file.")) : null;
    const text = make("pre", "log", host.log);
    text.tabIndex = 0;
    return box("Log", text);
  }

  function detail(host) {
    const cell = make("td", "", make("div", "boxes", todo(host), obstacles(host), why(host), facts(host), release(host), drift(host), changes(host), pending(host), steps(host), log(host)));
    cell.setAttribute("role", "cell");
    const row = make("tr", "detail", cell);
    row.setAttribute("role", "row");
    return row;
  }

  /* ---- opening ---- */
  const button = (row) => row.querySelector(".open-host");
  const opened = (row) => row.nextElementSibling && row.nextElementSibling.classList.contains("detail") ? row.nextElementSibling : null;

  function toggle(row, open = !opened(row)) {
    const existing = opened(row);
    if (existing && !open) existing.remove();
    if (!existing && open) row.after(detail(data.hosts[row.dataset.i]));
    row.classList.toggle("is-open", open);
    button(row).setAttribute("aria-expanded", String(open));
  }

  function makeOpenable() {
    for (const row of rows) {
      const name = row.querySelector(".name");
      const control = make("button", "open-host", name.textContent);
      control.type = "button";
      control.setAttribute("aria-expanded", "false");
      name.replaceChildren(control);
    }
    rowsBody.addEventListener("click", (event) => {
      const row = event.target.closest("tr.row");
      if (row && (event.target.closest(".open-host") || !String(getSelection()))) toggle(row);
    });
  }

  function openLinked() {
    const match = /^#host=(.*)$/.exec(location.hash);
    if (!match) return;
    let name = "";
    try { name = decodeURIComponent(match[1]); } catch { return; }
    const row = rows.find((candidate) => data.hosts[candidate.dataset.i].name === name);
    if (!row) return;
    if (row.hidden) showAll();
    toggle(row, true);
    row.scrollIntoView({block: "start"});
    button(row).focus({preventScroll: true});
  }

  /* ---- narrowing ---- */
  const chips = [...document.querySelectorAll(".chip[data-kind]")];
  const lower = (values) => values.filter(Boolean).join("\n").toLowerCase();
  const updateText = data.updates.map((u) => lower([u[0], ...(u[6] || []), ...(u[7] || [])]));
  const changeText = data.changes.map((c) => lower([c[0]]));
  const driftText = data.drifts.map((d) => lower([d[0]]));
  const hostText = data.hosts.map((h) => lower([h.name, h.release, h.digest, h.intended, h.reason, h.platform, h.kernel, ...(h.why || []), ...(h.obstacles || []).flat()]));

  function chosen() {
    const groups = {};
    for (const chip of chips) {
      if (chip.getAttribute("aria-pressed") === "true") (groups[chip.dataset.kind] ||= []).push(chip.dataset.key);
    }
    return Object.entries(groups);
  }

  const has = {
    s: (host, keys) => keys.includes(host.state),
    c: (host, keys) => keys.includes(host.status),
    r: (host, keys) => host.release !== undefined && keys.includes(host.digest || "-"),
    o: (host, keys) => keys.some((key) => (host.only || "").split(" ").includes(key)),
  };

  function finder(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean).map((text) => ({
      text,
      updates: new Set(updateText.flatMap((line, index) => line.includes(text) ? [index] : [])),
      changes: new Set(changeText.flatMap((line, index) => line.includes(text) ? [index] : [])),
      drifts: new Set(driftText.flatMap((line, index) => line.includes(text) ? [index] : [])),
    }));
    return (host, index) => {
      let hint = "";
      for (const word of words) {
        if (hostText[index].includes(word.text)) continue;
        const change = (host.changes || []).find((number) => word.changes.has(number));
        const update = (host.updates || []).find((number) => word.updates.has(number));
        const other = (host.drift || []).find((number) => word.drifts.has(number));
        if (change === undefined && update === undefined && other === undefined) return null;
        hint = update !== undefined ? pendingHint(data.updates[update]) : change !== undefined ? changeHint(data.changes[change]) : driftHint(data.drifts[other]);
      }
      return hint;
    };
  }

  const pendingHint = (u) => `pending: ${u[0]} ${u[2]} → ${u[3]}`;
  const driftHint = (d) => d[4] ? `drift: ${d[0]} ${d[3] || "missing"}, release: ${d[4]}` : `drift: ${d[0]} ${d[3] || ""}`;
  const changeHint = (c) => `${String(c[5]).replaceAll("_", " ")}: ${c[0]} ${c[2] || "new"} → ${c[3] || "removed"}`;

  function setHint(row, hint) {
    const existing = row.querySelector(".hit");
    if (!hint) { if (existing) existing.remove(); return; }
    (existing || row.querySelector(".host").appendChild(make("span", "hit"))).textContent = hint;
  }

  function narrow() {
    const groups = chosen();
    const find = finder(by("q").value);
    let shown = 0;
    for (const row of rows) {
      const host = data.hosts[row.dataset.i];
      const hint = groups.every(([kind, keys]) => has[kind](host, keys)) ? find(host, +row.dataset.i) : null;
      row.hidden = hint === null;
      if (opened(row)) opened(row).hidden = row.hidden;
      setHint(row, hint);
      shown += row.hidden ? 0 : 1;
    }
    const all = rows.length.toLocaleString();
    by("shown").textContent = shown === rows.length ? all : `${shown.toLocaleString()} of ${all}`;
    by("empty").hidden = shown > 0;
  }

  function showAll() {
    by("q").value = "";
    for (const chip of chips) chip.setAttribute("aria-pressed", "false");
    narrow();
  }

  const natural = new Intl.Collator(undefined, {numeric: true});
  const outSeconds = (host) => (host.out || []).reduce((sum, [from, to]) => sum + (to === null ? data.horizon : to) - from, 0);
  const securityCount = (host) => (host.updates || []).filter((index) => data.updates[index][4] === "security").length;
  const ORDERS = {
    worst: () => 0,
    name: (a, b) => natural.compare(a.name, b.name),
    pending: (a, b) => (b.updates || []).length - (a.updates || []).length,
    security: (a, b) => securityCount(b) - securityCount(a),
    out: (a, b) => outSeconds(b) - outSeconds(a),
    age: (a, b) => (a.assessed || 0) - (b.assessed || 0),
  };

  function order() {
    const compare = ORDERS[by("sort").value];
    rows.sort((a, b) => compare(data.hosts[a.dataset.i], data.hosts[b.dataset.i]) || a.dataset.i - b.dataset.i);
    rowsBody.append(...rows.flatMap((row) => opened(row) ? [row, opened(row)] : [row]));
  }

  function wireTools() {
    let timer = 0;
    by("q").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(narrow, 80); });
    by("sort").addEventListener("change", order);
    by("clear").addEventListener("click", showAll);
    by("tools").addEventListener("submit", (event) => event.preventDefault());
    for (const chip of chips) {
      chip.addEventListener("click", () => {
        chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
        narrow();
      });
    }
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
      event.preventDefault();
      by("q").focus();
    });
  }

  document.documentElement.classList.add("js");
  localTimes();
  sayWhenOld();
  if (rowsBody) {
    makeOpenable();
    wireTools();
    addEventListener("hashchange", openLinked);
    openLinked();
  }
})();
