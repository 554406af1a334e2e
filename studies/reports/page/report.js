"use strict";
// The report chooses and draws by itself: nothing is asked of any server.
(async () => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const page = JSON.parse(byId("report-document").textContent);
  const FAILED = 65535, MISSING = 65534, STEPS = 6;

  // Texts and numbers
  const words = () => page.texts[root.lang.startsWith("zh") ? "zh-Hant" : "en"];
  const say = (key, values = {}) => words()[key].replace(/\{(\w+)\}/g, (sign, name) => name in values ? values[name] : sign);
  const digits = Object.fromEntries(Object.entries({fraction: 2, money: 2, ratio: 3, days: 1, count: 0, share: 1}).map(
    ([unit, n]) => [unit, new Intl.NumberFormat("en-US", {minimumFractionDigits: n, maximumFractionDigits: n})]));
  const count = (n) => digits.count.format(n);
  const number = (value, unit) => {
    if (value === null || Number.isNaN(value)) return "–";
    if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
    const percent = unit === "fraction" || unit === "share";
    return digits[unit].format(percent ? 100 * value : value) + (percent ? " %" : "");
  };
  const shown = (figure, value) => number(figure.negative && value ? -value : value, figure.unit);

  // What is embedded
  async function unpack() {
    const coded = atob(byId("report-data").textContent), packed = new Uint8Array(coded.length);
    for (let i = 0; i < coded.length; i++) packed[i] = coded.charCodeAt(i);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    let at = 0;
    const take = (n, Kind) => {  // all lowest bytes, then the next ones
      const width = Kind.BYTES_PER_ELEMENT, taken = new Uint8Array(n * width);
      for (let plane = 0; plane < width; plane++)
        for (let i = 0; i < n; i++) taken[i * width + plane] = bytes[at++];
      return new Kind(taken.buffer);
    };
    const {n, grid, columns, groups} = page.table;
    for (const figure of page.table.figures) {
      figure.values = take(figure.levels, figure.width === 4 ? Float32Array : Float64Array);
      figure.codes = take(n, Uint16Array);
    }
    const narrow = {1: Uint8Array, 2: Uint16Array, 4: Uint32Array};
    let stride = n;
    page.parameters.forEach((parameter, k) => {
      if (!grid) {
        parameter.column = take(n, narrow[columns[k]]);
        return;
      }
      const column = new (parameter.labels.length > 256 ? Uint32Array : Uint8Array)(n), size = parameter.place_of.length;
      stride /= size;
      for (let i = 0, k = 0; i < n; i += stride, k = (k + 1) % size) column.fill(parameter.place_of[k], i, i + stride);
      parameter.column = column;
    });
    for (const parameter of page.parameters) delete parameter.place_of;
    const twins = take(groups.reduce((sum, each) => sum + each, 0), Uint32Array);
    let start = 0;
    page.leaders.selected = groups.map(() => 0);
    page.leaders.twins = groups.map((each) => twins.subarray(start, start += each));
  }

  // The selection: per parameter places; of subsets also codes (0 any, 1 with, 2 without) and sizes
  const bits = (members) => { let n = 0; for (; members; members &= members - 1) n++; return n; };
  const clear = (parameter) => {
    parameter.kept = new Set();
    parameter.sizes = new Set();
    parameter.wanted = parameter.codes.map(() => 0);
  };
  const allowed = (parameter) => Uint8Array.from(parameter.labels, (label, place) => {
    if (parameter.kept.size && !parameter.kept.has(place)) return 0;
    if (!parameter.codes.length) return 1;
    const members = parameter.members[place];
    if (parameter.sizes.size && !parameter.sizes.has(bits(members))) return 0;
    return parameter.wanted.every((want, k) => !want || (want === 1) === Boolean(members >> k & 1)) ? 1 : 0;
  });
  const isFree = (parameter) => !parameter.kept.size && !parameter.sizes.size && parameter.wanted.every((want) => !want);
  function maskOf(parameters) {
    const mask = new Uint8Array(page.table.n).fill(1);
    for (const parameter of parameters) {
      if (isFree(parameter)) continue;
      const has = allowed(parameter), column = parameter.column;
      for (let i = 0; i < mask.length; i++) mask[i] &= has[column[i]];
    }
    return mask;
  }
  function countsOf(figure, mask) {
    const counts = new Uint32Array(65536), codes = figure.codes;
    for (let i = 0; i < mask.length; i++) counts[codes[i]] += mask[i];
    return counts;
  }
  const valueAt = (figure, counts, place) => {
    for (let code = 0, seen = 0; ; code++) if ((seen += counts[code]) > place) return figure.values[code];
  };
  const middle = (a, b) => a === b ? a : (a + b) / 2;
  function summary(figure, counts) {
    let measured = 0, above = 0, low = -1, high = -1;
    figure.values.forEach((value, code) => {
      if (!counts[code]) return;
      measured += counts[code];
      if (value > 0) above += counts[code];
      if (low < 0) low = code;
      high = code;
    });
    const none = measured === 0;
    return {
      n: measured + counts[FAILED] + counts[MISSING], measured, failed: counts[FAILED], above: none ? NaN : above / measured, nAbove: above,
      best: none ? NaN : figure.values[figure.less ? low : high],
      median: none ? NaN : middle(valueAt(figure, counts, (measured - 1) >> 1), valueAt(figure, counts, measured >> 1)),
    };
  }

  // Drawing
  function draw(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }
  const title = (said) => draw("title", {}, said);
  const label = (x, y, said, more = {}) => draw("text", {x, y, ...more}, said);
  function picture(place, width, height, named, parts, more = {}) {
    place.replaceChildren(draw("svg", {viewBox: `0 0 ${width} ${height}`, width, height, class: "figure", role: "img", "aria-label": named, ...more}, ...parts));
  }
  function ticks(low, high, most) {
    const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
    const found = [];
    for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(k * step);
    return {found, said: (value, figure) => {
      const percent = figure.unit === "fraction" || figure.unit === "share", size = percent ? 100 * step : step;
      const n = Math.max(0, -Math.floor(Math.log10(size) + 1e-9));
      return (percent ? 100 * value : value).toLocaleString("en-US", {minimumFractionDigits: n, maximumFractionDigits: n}) + (percent ? " %" : "");
    }};
  }
  // Sizes are read before anything is changed: once laid out is enough
  const sizes = {};
  function measure() {
    for (const id of ["histogram", "heat", "scatter"]) {
      const place = byId(id);
      if (place) sizes[id] = {width: Math.max(260, Math.floor(place.clientWidth)), height: Math.floor(place.clientHeight)};
    }
  }

  const N_BINS = 80;
  let bins;
  function makeBins(figure, counts) {  // as `robust_range` of studies.reports: a few far out do not decide
    let finite = 0;
    figure.values.forEach((value, code) => { if (Number.isFinite(value)) finite += counts[code]; });
    if (!finite) { bins = null; return; }
    let [low, high] = page.range;
    const of = new Int16Array(figure.values.length);
    figure.values.forEach((value, code) => { of[code] = Math.max(0, Math.min(N_BINS - 1, Math.floor((value - low) / (high - low) * N_BINS))); });
    bins = {low, high, of, all: binned(counts, of)};
  }
  function binned(counts, of) {
    const heights = new Float64Array(N_BINS);
    of.forEach((bin, code) => { heights[bin] += counts[code]; });
    return heights;
  }
  function drawHistogram(figure, counts, whole) {
    const place = byId("histogram");
    if (!bins || !place) return;
    const {width, height: room} = sizes.histogram, height = Math.max(250, room), left = 8, right = width - 8, top = 34, bottom = height - 38;
    const heights = binned(counts, bins.of), most = Math.max(...bins.all, 1), highest = Math.max(...heights);
    const times = [1000, 500, 200, 100, 50, 20, 10, 5, 2].find((each) => highest * each <= most) || 1;
    const x = (value) => left + (right - left) * (value - bins.low) / (bins.high - bins.low);
    const parts = [draw("path", {class: "axis", d: `M${left} ${bottom}H${right}`})];
    const bars = (values, role, about, scale) => values.forEach((n, k) => {
      if (!n) return;
      const tall = Math.max(1, (bottom - top) * n * scale / most), size = (right - left) / N_BINS;
      const from = bins.low + (bins.high - bins.low) * k / N_BINS, to = bins.low + (bins.high - bins.low) * (k + 1) / N_BINS;
      parts.push(draw("rect", {class: `bar role-${role}`, x: left + k * size, y: bottom - tall, width: Math.max(1, size - 0.6), height: tall},
        title(`${shown(figure, from)} … ${shown(figure, to)}: ${count(n)} ${about}`)));
    });
    if (!whole) bars(bins.all, "muted faint", say("all"), 1);
    bars(heights, "first", say("selected"), times);
    if (times > 1 && highest) parts.push(label(left, 16, say("times", {times}), {class: "axis-name"}));
    const marks = ticks(bins.low, bins.high, Math.max(3, width / 110));
    for (const value of marks.found) {
      const at = x(value);
      parts.push(draw("path", {class: value === 0 ? "zero" : "axis", d: value === 0 ? `M${at} ${top - 8}V${bottom + 4}` : `M${at} ${bottom}v4`}));
      parts.push(label(at, bottom + 17, marks.said(figure.negative ? -value : value, figure), {"text-anchor": at > right - 24 ? "end" : at < left + 24 ? "start" : "middle"}));
    }
    if (page.threshold !== null && page.threshold >= bins.low && page.threshold <= bins.high) {
      const at = x(page.threshold), late = at > width / 2;
      parts.push(draw("path", {class: "rule", d: `M${at} ${top - 10}V${bottom}`}));
      parts.push(label(at + (late ? -5 : 5), top - 14, say("threshold", {value: shown(figure, page.threshold)}), {class: "rule-name", "text-anchor": late ? "end" : "start"}));
    }
    parts.push(label(right, height - 4, figureName(figure), {class: "axis-name", "text-anchor": "end"}));
    picture(place, width, height, say("histogram"), parts);
  }
  const figureName = (figure) => figure.label[root.lang.startsWith("zh") ? 1 : 0];

  const scatter = {};
  function drawScatter(visible) {
    const place = byId("scatter");
    if (!place) return;
    const figure = page.table.figures[0], leaders = page.leaders;
    const xs = leaders.objective, ys = leaders.neighbours;
    const known = xs.map((value, k) => k).filter((k) => Number.isFinite(xs[k]) && Number.isFinite(ys[k]) && ys[k] !== null);
    if (!known.length) return;
    // a leader under a twin's name has other neighbours than the ones that stand here
    const kindOf = (k) => `point ${visible[k] !== leaders.own[k] ? "role-muted" : leaders.lonely[k] ? "role-bad" : "role-first"}`;
    const key = `${sizes.scatter.width} ${sizes.scatter.height} ${root.lang}`;
    if (scatter.key === key) { for (const [k, point] of scatter.points) point.setAttribute("class", kindOf(k)); return; }
    scatter.key = key;
    scatter.points = [];
    const {width, height: room} = sizes.scatter, height = Math.max(300, room), left = 52, right = width - 14, top = 26, bottom = height - 40;
    const span = (values) => {
      let low = Math.min(...values), high = Math.max(...values);
      const room = (high - low) * 0.06 || Math.abs(high) * 0.05 || 0.5;
      return [low - room, high + room];
    };
    const [x0, x1] = span(known.map((k) => xs[k])), [y0, y1] = span(known.map((k) => ys[k]));
    const x = (value) => left + (right - left) * (value - x0) / (x1 - x0), y = (value) => bottom - (bottom - top) * (value - y0) / (y1 - y0);
    const parts = [];
    const across = ticks(x0, x1, width / 90), up = ticks(y0, y1, height / 60);
    for (const value of across.found) parts.push(draw("path", {class: "grid", d: `M${x(value)} ${top}V${bottom}`}), label(x(value), bottom + 16, across.said(figure.negative ? -value : value, figure), {"text-anchor": "middle"}));
    for (const value of up.found) parts.push(draw("path", {class: value === 0 ? "zero" : "grid", d: `M${left} ${y(value)}H${right}`}), label(left - 6, y(value) + 4, up.said(figure.negative ? -value : value, figure), {"text-anchor": "end"}));
    const low = Math.max(x0, y0), high = Math.min(x1, y1);
    if (low < high) parts.push(draw("path", {class: "rule", d: `M${x(low)} ${y(low)}L${x(high)} ${y(high)}`}), label(x(high) - 4, y(high) + 14, say("diagonal"), {class: "rule-name", "text-anchor": "end"}));
    for (const k of known) {
      const said = title(`${leaders.ids[k]}: ${shown(figure, xs[k])}, ${say("neighbours")} ${shown(figure, ys[k])}${leaders.lonely[k] ? ", " + say("lonely") : ""}`);
      const cx = x(xs[k]), cy = y(ys[k]);
      const point = leaders.lonely[k] ? draw("path", {d: `M${cx} ${cy - 5}l5 5l-5 5l-5 -5z`}, said) : draw("circle", {cx, cy, r: 3.4}, said);
      point.setAttribute("class", kindOf(k));
      scatter.points.push([k, point]);
      parts.push(point);
    }
    parts.push(label(4, 14, say("neighbours"), {class: "axis-name"}), label(right, height - 6, figureName(figure), {class: "axis-name", "text-anchor": "end"}));
    picture(place, width, height, say("scatter"), parts);
  }

  // The heat map
  const axes = [];
  function makeAxes() {
    for (const parameter of page.parameters) {
      if (parameter.labels.length <= page.most_places) axes.push({parameter, name: parameter.label, labels: parameter.labels, slot: parameter.labels.map((_, k) => k), keep: "kept", value: (k) => k});
      if (!parameter.codes.length) continue;
      const sizes = [...new Set(parameter.members.map(bits))].sort((a, b) => a - b);
      axes.push({parameter, name: parameter.size_label, labels: sizes.map(String), slot: parameter.members.map((each) => sizes.indexOf(bits(each))), keep: "sizes", value: (k) => sizes[k]});
    }
  }
  const heat = {focus: 0, isThere: page.heat.length === 2};
  function ordered(figure) {  // strategies that have the figure, by its level
    if (figure.order) return figure.order;
    const {codes} = figure, n = figure.values.length, starts = new Uint32Array(n + 1);
    for (const code of codes) if (code < MISSING) starts[code + 1]++;
    for (let code = 0; code < n; code++) starts[code + 1] += starts[code];
    figure.order = new Uint32Array(starts[n]);
    for (let i = 0; i < codes.length; i++) if (codes[i] < MISSING) figure.order[starts[codes[i]]++] = i;
    return figure.order;
  }
  function heatValues(mask, figure, across, down, kind) {
    const nx = across.labels.length, n = nx * down.labels.length, {codes, values: levels} = figure, order = ordered(figure);
    const cx = across.parameter.column, cy = down.parameter.column, slotX = across.slot, slotY = down.slot.map((slot) => slot * nx);
    const cellOf = new Int16Array(mask.length), counts = new Uint32Array(n), failed = new Uint32Array(n);
    for (let i = 0; i < mask.length; i++) {
      const cell = mask[i] ? slotY[cy[i]] + slotX[cx[i]] : -1;
      cellOf[i] = cell;
      if (cell < 0) continue;
      if (codes[i] < MISSING) counts[cell]++;
      else if (codes[i] === FAILED) failed[cell]++;
    }
    const values = new Float64Array(n).fill(NaN), seen = new Uint32Array(n);
    for (let k = 0; k < order.length; k++) {  // ascending within every cell
      const cell = cellOf[order[k]];
      if (cell < 0) continue;
      const place = seen[cell]++, all = counts[cell];
      if (kind === "median") {
        if (place === (all - 1) >> 1) values[cell] = levels[codes[order[k]]];
        if (place === all >> 1) values[cell] = middle(values[cell], levels[codes[order[k]]]);
      } else if (kind === "share") {
        if (!place) values[cell] = 0;
        if (levels[codes[order[k]]] > 0) values[cell] += 1 / all;
      } else if (place === (figure.less ? 0 : all - 1)) values[cell] = levels[codes[order[k]]];
    }
    return {values, counts, failed};
  }
  function drawHeat() {
    const place = byId("heat");
    if (!heat.isThere) return;
    const across = axes[byId("heat-x").value], down = axes[byId("heat-y").value], kind = byId("heat-kind").value;
    const figure = page.table.figures[byId("heat-figure").value];
    const others = page.parameters.filter((each) => each !== across.parameter && each !== down.parameter);
    const {values, counts, failed} = heatValues(maskOf(others), figure, across, down, kind);
    const unit = kind === "share" ? {unit: "share"} : figure, nx = across.labels.length, ny = down.labels.length;
    const known = [...values].filter(Number.isFinite).map(Math.abs).sort((a, b) => a - b);
    const largest = known[Math.floor(0.98 * (known.length - 1))] || known.at(-1) || 1;
    const longest = (labels) => Math.max(...labels.map((each) => [...each].reduce((sum, sign) => sum + (sign > "\u2e7f" ? 12 : 7), 0)));
    const least = Math.max(300, ny * 17 + 80), width = sizes.heat.width, left = Math.min(width * 0.35, longest(down.labels) + 14), right = width - 6, top = 24;
    const room = (right - left) / nx, turned = longest(across.labels) > room - 4;
    const below = turned ? Math.min(130, longest(across.labels) * 0.72 + 14) : 18;
    const height = Math.max(sizes.heat.height, least), bottom = height - below - 20, tall = (bottom - top) / ny;
    const keptX = across.parameter[across.keep], keptY = down.parameter[down.keep], parts = [];
    down.labels.forEach((said, row) => parts.push(label(left - 7, top + (row + 0.5) * tall + 4, said.length * 7 > left ? said.slice(0, Math.floor(left / 7) - 2) + "…" : said, {"text-anchor": "end"})));
    across.labels.forEach((said, column) => {
      const at = left + (column + 0.5) * room, cut = turned && said.length > 22 ? said.slice(0, 21) + "…" : said;
      if (room < 9 && column % 2) return;
      parts.push(turned ? label(at + 4, bottom + 13, cut, {"text-anchor": "end", transform: `rotate(-45 ${at + 4} ${bottom + 13})`}) : label(at, bottom + 16, cut, {"text-anchor": "middle"}));
    });
    const cells = [];
    for (let cell = 0; cell < nx * ny; cell++) {
      const column = cell % nx, row = (cell - column) / nx, value = values[cell];
      const isKept = (keptX.size || keptY.size) && (!keptX.size || keptX.has(across.value(column))) && (!keptY.size || keptY.has(down.value(row)));
      const share = Number.isFinite(value) ? value / largest : Math.sign(value) || 0;
      const step = Math.round(STEPS * Math.max(-1, Math.min(1, figure.negative && kind !== "share" ? -share : share)));
      const colour = Number.isNaN(value) ? "cell-none" : step ? `cell-${step > 0 ? "p" : "n"}${Math.abs(step)}` : "cell-0";
      const said = number(kind !== "share" && figure.negative && value ? -value : value, unit.unit);
      const about = say("cell", {y: down.labels[row], x: across.labels[column], value: said, n: count(counts[cell]), failed: count(failed[cell])});
      const at = {x: left + column * room, y: top + row * tall, width: Math.max(1, room - 1), height: Math.max(1, tall - 1)};
      cells.push(draw("rect", {...at, class: `cell ${colour}${isKept ? " kept" : ""}`, role: "button", "aria-label": about, "aria-pressed": Boolean(isKept), tabindex: -1, "data-cell": cell}, title(about)));
      const short = kind === "share" ? number(value, "share") : figure.unit === "ratio" && Number.isFinite(value) ? value.toFixed(2) : said;
      if (short !== "–" && short.length * 6.6 < room - 2 && tall > 13) cells.push(label(at.x + room / 2, at.y + tall / 2 + 4, short, {class: `cell-text on-${colour}`, "text-anchor": "middle"}));
    }
    parts.push(...cells, label(4, 14, down.name[root.lang.startsWith("zh") ? 1 : 0], {class: "axis-name"}), label(right, height - 5, across.name[root.lang.startsWith("zh") ? 1 : 0], {class: "axis-name", "text-anchor": "end"}));
    picture(place, width, height, say("heat"), parts, {role: "group"});
    if (heat.least !== least) place.style.minHeight = `${heat.least = least}px`;
    heat.focus = Math.min(heat.focus, nx * ny - 1);
    heat.across = across;
    heat.down = down;
    place.querySelector(`[data-cell="${heat.focus}"]`).setAttribute("tabindex", 0);
  }
  function chooseCell(cell) {
    const {across, down} = heat, column = cell % across.labels.length, row = (cell - column) / across.labels.length;
    const sides = [[across, column], [down, row]];
    const isChosen = sides.every(([axis, k]) => axis.parameter[axis.keep].size === 1 && axis.parameter[axis.keep].has(axis.value(k)));
    for (const [axis] of sides) clear(axis.parameter);
    if (!isChosen) for (const [axis, k] of sides) axis.parameter[axis.keep].add(axis.value(k));
    heat.focus = cell;
    redraw();
    byId("heat").querySelector(`[data-cell="${cell}"]`).focus({preventScroll: true});
  }
  function heatKey(event) {
    const at = event.target.dataset.cell;
    if (at === undefined) return;
    const nx = heat.across.labels.length, n = nx * heat.down.labels.length, moves = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -nx, ArrowDown: nx};
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); chooseCell(Number(at)); return; }
    const to = Number(at) + moves[event.key];
    if (!(to >= 0 && to < n)) return;
    event.preventDefault();
    event.target.setAttribute("tabindex", -1);
    const next = byId("heat").querySelector(`[data-cell="${heat.focus = to}"]`);
    next.setAttribute("tabindex", 0);
    next.focus();
  }

  // The leaderboard
  const order = {column: 0, down: false};
  let rows = [], extra = [], displayed = [], most = 100;  // rows laid out at once: 500 take too long
  function makeRow(values, k) {
    const row = document.createElement("tr");
    page.leaders.columns.forEach((column, place) => {
      const cell = document.createElement(column.kind === "text" ? "th" : "td");
      if (column.kind === "text") cell.scope = "row";
      else cell.className = "number";
      if (column.kind === "oos" && values[place] < 0) cell.classList.add("loses");
      row.append(cell);
    });
    const made = {row, k, values};
    sayRow(made);
    return made;
  }
  const OWN = new Set(["neighbours", "gap", "luck"]);  // of one strategy, not of its twins
  function sayRow({row, k, values, renamed}) {
    page.leaders.columns.forEach((column, place) => {
      const value = renamed && OWN.has(column.kind) ? null : values[place];
      const lonely = column.kind === "gap" && page.leaders.lonely[k] && !renamed;
      const said = value === null ? "–" : column.kind === "text" ? value : column.kind === "twins" ? (value > 1 ? `× ${count(value)}` : "")
        : column.kind === "luck" ? say(value ? "yes" : "no") : shown(column, value);
      row.children[place].classList.toggle("lonely", Boolean(lonely));
      row.children[place].textContent = lonely ? `${said} ${say("lonely")}` : said;
    });
  }
  function sortRows() {
    const column = order.column, isText = page.leaders.columns[column].kind === "text", sign = order.down ? -1 : 1;
    const compare = (a, b) => {
      const one = a.values[column], other = b.values[column];
      if (one === null || other === null) return (one === null) - (other === null) || a.k - b.k;
      return sign * (isText ? one < other ? -1 : Number(one > other) : one === other ? 0 : one - other) || a.k - b.k;
    };
    displayed = [...rows, ...extra].sort(compare);
    byId("leaders").tBodies[0].replaceChildren(...displayed.map((each) => each.row));
    all("#leaders thead th").forEach((head, place) => head.setAttribute("aria-sort", place !== column ? "none" : order.down ? "descending" : "ascending"));
  }
  // Where few of the leaders are selected: the best of the selection, by the figures that are embedded
  const FEW = 100;
  function moreRows(mask, counts, visible) {
    const figures = page.table.figures, figure = figures[0], nameOf = (position) => nameAt(position) || (page.table.grid && !page.id_parts ? `P${position}` : null);
    extra = [];
    const room = FEW - visible.filter((each) => each >= 0).length;
    if (room <= 0 || last.whole || !page.table.n || nameOf(0) === null) return;
    const known = page.leaders.known ||= new Set(page.leaders.twins.flatMap((twins) => [...twins]));
    let enough = 0, worst = -1;
    const wanted = room * 4 + known.size, levels = figure.values.length;
    for (let step = 0; step < levels && enough < wanted; step++) enough += counts[worst = figure.less ? step : levels - 1 - step];
    const groups = new Map();
    for (let i = 0; i < mask.length; i++) {
      const code = figure.codes[i];
      if (!mask[i] || code >= MISSING || (figure.less ? code > worst : code < worst) || known.has(i)) continue;
      const key = figures.map((each) => each.codes[i]).join();
      if (groups.has(key)) groups.get(key).n++;
      else groups.set(key, {first: i, n: 1});
    }
    const best = [...groups.values()].sort((a, b) => (figure.less ? 1 : -1) * (figure.codes[a.first] - figure.codes[b.first]) || a.first - b.first);
    extra = best.slice(0, room).map(({first, n}, place) => makeRow(page.leaders.columns.map((column) => {
      if (column.kind === "text") return nameOf(first);
      if (column.kind === "twins") return figures.every((each) => each.exact) ? n : 1;
      const embedded = column.kind === "figure" && figures.find((each) => each.name === column.name);
      return embedded && embedded.codes[first] < MISSING ? embedded.values[embedded.codes[first]] : null;
    }), rows.length + place));
  }
  // Of every leader the first of its strategies that is selected, -1 where none is
  const visibleOf = (mask) => page.leaders.twins.map((twins, k) => {
    let n = 0;
    for (const twin of twins) n += mask[twin];
    page.leaders.selected[k] = n;
    const own = page.leaders.own[k];
    if (mask[own]) return own;
    const found = twins.find((twin) => mask[twin]);
    return found === undefined ? -1 : found;
  });
  function nameAt(position) {
    const parts = page.id_parts;
    return parts && parts[0] + page.parameters.map((parameter, k) => parameter.labels[parameter.column[position]] + parts[k + 1]).join("");
  }
  function filterRows(visible) {
    const wanted = byId("filter").value.trim().toLowerCase();
    let n = 0, fitting = 0;
    const twins = page.leaders.columns.findIndex((column) => column.kind === "twins");
    for (const made of displayed) {
      const {row, k, values} = made;
      const at = k < visible.length ? visible[k] : 0, isOwn = k >= visible.length || at === page.leaders.own[k];
      const renamed = !isOwn && at >= 0;
      if (Boolean(made.renamed) !== renamed) { made.renamed = renamed; sayRow(made); }
      if (k < visible.length) {
        const n = page.leaders.selected[k], said = n > 1 ? `× ${count(n)}` : "";
        if (row.children[twins].textContent !== said) row.children[twins].textContent = said;
      }
      const name = isOwn || at < 0 ? values[1] : nameAt(at) || values[1];
      if (row.children[1].textContent !== name) row.children[1].textContent = name;
      const fits = at >= 0 && name.toLowerCase().includes(wanted);
      row.hidden = !fits || ++fitting > most;
      n += fits && k < visible.length;
    }
    byId("all-rows").hidden = fitting <= most;
    byId("all-rows").textContent = say("all_rows", {n: count(fitting)});
    byId("n-leaders").textContent = say(n ? "n_leaders" : "no_leaders", {n: count(n), all: count(rows.length)}) + (extra.length ? " · " + say("more", {n: count(extra.length)}) : "");
  }

  // All together
  function whereOf() {
    const parts = [];
    for (const parameter of page.parameters) {
      if (isFree(parameter)) continue;
      if (!parameter.literals.length) return null;
      const has = allowed(parameter), listed = parameter.literals.filter((_, place) => has[place]);
      if (!listed.length) return null;
      parts.push(`${parameter.name} in (${listed.join(", ")})`);
    }
    return parts.join(" and ");
  }
  function showState() {
    for (const button of all("[data-place]")) button.setAttribute("aria-pressed", page.parameters[button.dataset.parameter].kept.has(Number(button.dataset.place)));
    for (const button of all("[data-size]")) button.setAttribute("aria-pressed", page.parameters[button.dataset.parameter].sizes.has(Number(button.dataset.size)));
    for (const input of all("[data-code]")) input.checked = page.parameters[input.dataset.parameter].wanted[input.dataset.code] === Number(input.value);
    for (const button of all("[data-only]")) {
      const parameter = page.parameters[button.dataset.only], [place] = parameter.kept;
      button.hidden = place === undefined;
      button.textContent = button.hidden ? "" : say("only", {value: parameter.labels[place]});
    }
    byId("reset").disabled = page.parameters.every(isFree);
    const where = whereOf();
    byId("where").hidden = !where;
    byId("where-text").textContent = where ? page.where_command.replace("{where}", () => `'${where.replaceAll("'", "'\\''")}'`) : "";
  }
  let last;
  function redraw() {
    const started = performance.now(), figure = page.table.figures[0];
    measure();
    const mask = maskOf(page.parameters), counts = countsOf(figure, mask), found = summary(figure, counts), visible = visibleOf(mask);
    last = {visible, counts, whole: page.parameters.every(isFree)};
    byId("n-selected").textContent = count(found.n);
    byId("n-selected").dataset.measured = found.measured;
    byId("n-selected").dataset.failed = found.failed;
    byId("n-selected").dataset.above = found.nAbove;
    const about = figure.exact || !found.measured ? "" : "≈ ";
    byId("selected-best").textContent = about + shown(figure, found.best);
    byId("selected-median").textContent = about + shown(figure, found.median);
    byId("selected-above").textContent = figure.negative ? "–" : number(found.above, "share");
    byId("said").textContent = say("said", {n: count(found.n), failed: count(found.failed), median: shown(figure, found.median), best: shown(figure, found.best)});
    showState();
    drawHistogram(figure, counts, last.whole);
    drawHeat();
    if (rows.length) {
      const before = extra.length;
      moreRows(mask, counts, visible);
      if (before || extra.length) sortRows();
      filterRows(visible);
      drawScatter(visible);
    }
    root.dataset.redraw = (performance.now() - started).toFixed(0);
  }
  function speak() {
    const kind = root.lang.startsWith("zh") ? "Zh" : "En";
    for (const each of all("[data-text-en]")) each.textContent = each.dataset[`text${kind}`];
    for (const each of all("[data-label-en]")) each.setAttribute("aria-label", each.dataset[`label${kind}`]);
    for (const each of all("[data-hint-en]")) each.placeholder = each.dataset[`hint${kind}`];
    byId("theme").textContent = say(`theme_${root.dataset.theme || "system"}`);
    for (const each of [...rows, ...extra]) sayRow(each);
  }
  function listen() {
    document.addEventListener("click", ({target}) => {
      const button = target.closest("button, [data-cell]");
      if (!button) return;
      const {place, size, parameter, only, sort, cell} = button.dataset;
      const toggle = (set, value) => { if (!set.delete(value)) set.add(value); redraw(); };
      if (cell !== undefined) chooseCell(Number(cell));
      else if (place !== undefined) toggle(page.parameters[parameter].kept, Number(place));
      else if (size !== undefined) toggle(page.parameters[parameter].sizes, Number(size));
      else if (only !== undefined) { page.parameters[only].kept.clear(); redraw(); }
      else if (sort !== undefined) { order.down = order.column === Number(sort) ? !order.down : page.leaders.columns[sort].better > 0; order.column = Number(sort); sortRows(); filterRows(last.visible); }
      else if (button.id === "all-rows") { most = Infinity; filterRows(last.visible); byId("filter").focus(); }
      else if (button.id === "reset") { page.parameters.forEach(clear); redraw(); byId("selection").focus(); }
      else if (button.id === "language") { root.lang = root.lang.startsWith("zh") ? "en" : "zh-Hant"; speak(); redraw(); }
      else if (button.id === "theme") { const next = {"": "light", light: "dark", dark: ""}[root.dataset.theme || ""]; if (next) root.dataset.theme = next; else delete root.dataset.theme; speak(); }
    });
    document.addEventListener("change", ({target}) => {
      if (target.dataset.code !== undefined) { page.parameters[target.dataset.parameter].wanted[target.dataset.code] = Number(target.value); redraw(); return; }
      if (!target.id.startsWith("heat-")) return;
      if (byId("heat-x").value === byId("heat-y").value || axes[byId("heat-x").value].parameter === axes[byId("heat-y").value].parameter) {
        const [other, own] = target.id === "heat-x" ? [byId("heat-y"), axes[target.value]] : [byId("heat-x"), axes[target.value]];
        if (target.id !== "heat-kind" && target.id !== "heat-figure") other.value = axes.findIndex((axis) => axis.parameter !== own.parameter);
      }
      const isShare = page.table.figures[byId("heat-figure").value].negative;
      const share = byId("heat-kind").querySelector("[value=share]");
      share.disabled = isShare;
      if (isShare && byId("heat-kind").value === "share") byId("heat-kind").value = "median";
      byId("heat").style.minHeight = heat.least = "";  // as many rows as the new axis has
      measure();
      drawHeat();
    });
    if (rows.length) byId("filter").addEventListener("input", () => filterRows(last.visible));
    if (heat.isThere) byId("heat").addEventListener("keydown", heatKey);
    let waiting;
    addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(redraw, 100); });
  }

  const started = performance.now();
  if (page.leaders.ids.length) {
    for (const column of page.leaders.columns) column.values = column.values.map((value) => value === "inf" ? Infinity : value === "-inf" ? -Infinity : value);
    for (const name of ["objective", "neighbours"]) page.leaders[name] = page.leaders[name].map((value) => value === "inf" ? Infinity : value === "-inf" ? -Infinity : value);
  }
  await unpack();
  page.parameters.forEach(clear);
  makeAxes();
  for (const [id, k] of heat.isThere ? [["heat-x", page.heat[0]], ["heat-y", page.heat[1]]] : []) {
    const select = byId(id);
    const own = axes.findIndex((axis) => page.parameters.indexOf(axis.parameter) === k);
    axes.forEach((axis, place) => {
      const option = new Option(axis.name[0], place, place === own, place === own);
      [option.dataset.textEn, option.dataset.textZh] = axis.name;
      select.add(option);
    });
  }
  root.classList.remove("static");
  makeBins(page.table.figures[0], countsOf(page.table.figures[0], new Uint8Array(page.table.n).fill(1)));
  rows = page.leaders.ids.map((_, k) => makeRow(page.leaders.columns.map((column) => column.values[k]), k));
  listen();
  speak();
  if (rows.length) sortRows();
  redraw();
  root.dataset.ready = (performance.now() - started).toFixed(0);
})().catch((error) => {
  document.documentElement.classList.add("static");
  const said = document.getElementById("broken");
  said.hidden = false;
  said.append(` ${error.message}`);
});
