/* report_probe.js - shows a report at several widths, in light and in dark, and judges it. */
/* SPDX-License-Identifier: MIT */
"use strict";

/* A frame has the colours that its element asks for. */
const views = [
    {name: "phone light", width: 390, scheme: "light"},
    {name: "phone dark", width: 390, scheme: "dark"},
    {name: "desk light", width: 1280, scheme: "light"},
    {name: "desk dark", width: 1280, scheme: "dark"},
];

const PAINTED_MIN = 100; /* pixels of its colour that a series has in a plot */

const lines = [];
let failed = false;

function tell(view, what, troubles)
{
    failed = failed || troubles.length > 0;
    lines.push((troubles.length > 0 ? "FAIL " : "ok ") + view.name + ": " + what);
    for (const trouble of troubles.slice(0, 5))
        lines.push("     " + trouble);
    if (troubles.length > 5)
        lines.push("     and " + (troubles.length - 5) + " more");
}

/* Bytes as base64, for a line of a shell and back. */
const pack = value => btoa(Array.from(new TextEncoder().encode(JSON.stringify(value)),
                                      byte => String.fromCharCode(byte)).join(""));
const unpack = text => new TextDecoder().decode(Uint8Array.from(atob(text),
                                                                part => part.charCodeAt(0)));

/* The last words, which the script that started this waits for. */
function finish(state)
{
    const out = document.createElement("pre");

    out.id = "outcome";
    out.textContent = "\n" + lines.join("\n") + "\n" + (state ? "state " + pack(state) + "\n" : "") +
        (failed ? "FAILED" : "PASSED") + "\n";
    document.body.replaceChildren(out);
}

function give_up(error)
{
    tell({name: "probe"}, "runs to its end", [String(error)]);
    finish(null);
}

/* All views at once: phones beside each other, desks below each other. */
function show(html, heights)
{
    return Promise.all(views.map((view, index) => new Promise(done => {
        const height = view.width < 500 ? heights.phone : heights.desk;

        view.left = index < 2 ? index * 400 : 800;
        view.top = index < 3 ? 0 : height;
        view.frame = document.createElement("iframe");
        view.frame.style.cssText = `position:absolute;border:0;left:${view.left}px;` +
            `top:${view.top}px;width:${view.width}px;height:${height}px;` +
            `color-scheme:${view.scheme}`;
        view.frame.onload = done;
        view.frame.srcdoc = html;
        document.body.append(view.frame);
    })));
}

const rgb = text => text.match(/[\d.]+/g).slice(0, 3).map(Number);

function luminance(colour)
{
    const part = value => value <= 10 ? value / 3294 : ((value / 255 + 0.055) / 1.055) ** 2.4;

    return 0.2126 * part(colour[0]) + 0.7152 * part(colour[1]) + 0.0722 * part(colour[2]);
}

function contrast(a, b)
{
    const [low, high] = [luminance(rgb(a)), luminance(rgb(b))].sort((x, y) => x - y);

    return (high + 0.05) / (low + 0.05);
}

const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;

const words = text => "\"" + text.textContent.trim() + "\"";

function textTroubles(view, plot, texts)
{
    const inner = plot.getBoundingClientRect();
    const scale = inner.width / plot.viewBox.baseVal.width;
    const troubles = [];
    const boxes = texts.map(text => text.getBoundingClientRect());

    texts.forEach((text, i) => {
        const style = view.frame.contentWindow.getComputedStyle(text);
        const size = parseFloat(style.fontSize) * scale;
        const box = boxes[i];

        if (size < 10)
            troubles.push(`${words(text)} is ${size.toFixed(1)} px high`);
        if (box.left < inner.left - 1 || box.right > inner.right + 1 ||
            box.top < inner.top - 1 || box.bottom > inner.bottom + 1)
            troubles.push(`${words(text)} is outside of its chart`);
        if (contrast(style.fill, view.background) < 4.5)
            troubles.push(`${words(text)} is hard to see`);
        for (let j = 0; j < i; j++)
            if (overlap(box, boxes[j]))
                troubles.push(`${words(texts[j])} and ${words(text)} overlap`);
    });
    return troubles;
}

function seriesOf(view, plot)
{
    const all = new Map();

    for (const group of plot.querySelectorAll("g.series"))
        all.set(group.dataset.subject,
                rgb(view.frame.contentWindow.getComputedStyle(group).color));
    return [...all].map(([subject, colour]) => ({subject, colour}));
}

/* What a screenshot will have to show, and where in its view. */
function describe(view, plot)
{
    const {left, top, width, height} = plot.getBoundingClientRect();

    return {title: plot.querySelector("title").textContent, left, top, width, height,
            series: seriesOf(view, plot)};
}

function judge(view, expected)
{
    const page = view.frame.contentDocument;
    const plots = [...page.querySelectorAll("svg")];
    const root = page.documentElement;
    const small = [], faint = [], texts = [];

    view.background = view.frame.contentWindow.getComputedStyle(page.body).backgroundColor;
    const dark = luminance(rgb(view.background)) < 0.2;
    tell(view, view.scheme + " background",
         dark === (view.scheme === "dark") ? [] : ["it is " + view.background]);
    tell(view, expected + " plots", plots.length === expected ? [] : ["there are " + plots.length]);
    tell(view, "no sideways scrolling", root.scrollWidth <= view.width ? [] :
        ["the page is " + root.scrollWidth + " px wide"]);
    for (const plot of plots) {
        const box = plot.getBoundingClientRect();
        const inside = [...plot.querySelectorAll("text")];

        if (box.width < 300 || box.height < 120 || !plot.checkVisibility({visibilityProperty: true}))
            small.push(`${box.width.toFixed()} x ${box.height.toFixed()}`);
        if (inside.length === 0)
            texts.push("a chart without words");
        texts.push(...textTroubles(view, plot, inside));
        for (const one of seriesOf(view, plot))
            if (contrast("rgb(" + one.colour + ")", view.background) < 3)
                faint.push(one.subject + " has the colour " + one.colour);
        if (seriesOf(view, plot).length === 0)
            faint.push("a chart without series");
    }
    tell(view, "every plot is visible, 300 x 120 or more", small);
    tell(view, "texts are readable, inside, and apart", texts);
    tell(view, "series stand out from the background", faint);
    tell(view, "the subjects in tables can be read",
         [...page.querySelectorAll("tbody th")].filter(head => head.offsetWidth < 80)
             .map(head => `${words(head)} is ${head.offsetWidth} px wide`));
    view.plots = plots.map(plot => describe(view, plot));
}

const bottom = plots => Math.ceil(Math.max(200, ...plots.map(plot => plot.top + plot.height))) + 10;

/* The first run: what the page says of itself. */
async function look(report, expected)
{
    await show(unpack(report), {phone: 800, desk: 800});
    for (const view of views)
        judge(view, expected);
    const heights = {phone: bottom(views[0].plots), desk: bottom(views[2].plots)};
    const height = Math.max(heights.phone, 2 * heights.desk);

    finish({heights, height, plots: views.map(view => view.plots)});
}

/* The second run: nothing else on the page, for a screenshot of it. */
function pose(report, state)
{
    return show(unpack(report), JSON.parse(unpack(state)).heights);
}

function painted(context, left, top, plot, colour)
{
    const {data} = context.getImageData(left + plot.left, top + plot.top, plot.width, plot.height);
    let count = 0;

    for (let i = 0; i < data.length; i += 4)
        count += Math.abs(data[i] - colour[0]) < 24 && Math.abs(data[i + 1] - colour[1]) < 24 &&
            Math.abs(data[i + 2] - colour[2]) < 24;
    return count;
}

/* The third run: is it in the picture, too? The browser waits for a page to be loaded with its
 * pictures, and for nothing that a script waits for. */
async function count(packed)
{
    await new Promise(done => window.addEventListener("load", done));
    const state = JSON.parse(unpack(packed));
    const canvas = document.createElement("canvas");
    const image = document.getElementById("picture");

    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.drawImage(image, 0, 0);
    views.forEach((view, index) => {
        const left = index < 2 ? index * 400 : 800, top = index < 3 ? 0 : state.heights.desk;
        const missing = [];
        let least = Infinity;

        for (const plot of state.plots[index])
            for (const one of plot.series) {
                const pixels = painted(context, left, top, plot, one.colour);

                least = Math.min(least, pixels);
                if (pixels < PAINTED_MIN)
                    missing.push(`${plot.title}: ${one.subject}: ${pixels} pixels`);
            }
        tell(view, `every series is painted, with ${least} pixels or more`, missing);
    });
    finish(null);
}
