//! Charts as SVG. Text stays text, in the reader's own fonts: none is needed here.

use super::chart::{Chart, Drawn, Series};
use plotters::prelude::*;
use std::ops::Range;

/// Where the curves are drawn.
type Area<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<LogCoord<f64>, LogCoord<f64>>>;
type Drawing = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// The title stands above everything, and the legend right of the curves: over them it would hide some.
const TITLE_HEIGHT: i32 = 44;
const PLOT: (i32, i32) = (680, 436);
const LEGEND_WIDTH: i32 = 380;
const FONT: &str = "sans-serif";
/// Of the letters of a legend, and of the notes beside points.
const LETTERS: (i32, i32) = (13, 12);

pub fn draw(chart: &Chart) -> Result<String, String> {
    let mut text = String::new();
    draw_into(&mut text, chart).map_err(|e| e.to_string())?;
    Ok(text)
}

fn draw_into(text: &mut String, chart: &Chart) -> Drawing {
    let legend = Legend::of(chart);
    let height = TITLE_HEIGHT + PLOT.1.max(legend.height);
    let size = ((PLOT.0 + LEGEND_WIDTH) as u32, height as u32);
    let root = SVGBackend::with_string(text, size).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new(chart.title.clone(), (12, 12), (FONT, 20).into_font()))?;
    let (_, below) = root.split_vertically(TITLE_HEIGHT);
    let (plot, beside) = below.split_horizontally(PLOT.0);
    let (plot, _) = plot.split_vertically(PLOT.1);
    let points = || chart.series.iter().flat_map(|series| &series.points);
    let xs = decades(points().map(|point| point.0));
    let ys = decades(points().map(|point| point.1));
    let mut area = ChartBuilder::on(&plot)
        .margin(12)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(xs.log_scale(), ys.log_scale())?;
    area.configure_mesh()
        .x_desc(chart.x)
        .y_desc(chart.y)
        .light_line_style(BLACK.mix(0.04))
        .axis_desc_style((FONT, 16))
        .label_style((FONT, 14))
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    for (i, series) in chart.series.iter().enumerate() {
        draw_series(&mut area, series, color(i, series))?;
    }
    for (text, at) in notes(&area, chart) {
        root.draw(&Text::new(text, at, (FONT, LETTERS.1).into_font()))?;
    }
    for (i, (y, lines)) in legend.entries.into_iter().enumerate() {
        beside.draw(&Circle::new((8, y), 4, color(i, &chart.series[i]).filled()))?;
        for (line, text) in (0..).zip(lines) {
            let at = (20, y - 5 + LINE * line);
            beside.draw(&Text::new(text, at, (FONT, LETTERS.0).into_font()))?;
        }
    }
    root.present()
}

/// From one line of a legend to the next, and from one entry to the next.
const LINE: i32 = 16;
const ENTRY: i32 = 22;

/// Where each series is named, in lines that fit.
struct Legend {
    entries: Vec<(i32, Vec<String>)>,
    height: i32,
}

impl Legend {
    fn of(chart: &Chart) -> Legend {
        let (mut entries, mut y) = (Vec::new(), 20);
        for series in &chart.series {
            let lines = lines(&series.label, LEGEND_WIDTH - 28);
            let height = ENTRY + LINE * (lines.len() as i32 - 1);
            entries.push((y, lines));
            y += height;
        }
        Legend { entries, height: y }
    }
}

/// A label in lines of so many pixels, cut behind commas and spaces.
fn lines(label: &str, width: i32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in label.split_inclusive(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() || wide(&format!("{line}{word}"), LETTERS.0) <= width => {
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// At least the pixels that a text is wide, in whatever font the reader has.
fn wide(text: &str, letters: i32) -> i32 {
    text.chars().count() as i32 * letters * 3 / 5
}

/// Left, top, right and bottom.
type Box = [i32; 4];

fn meet(a: &Box, b: &Box) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// The notes that have room beside their points, and where: none covers a point or another note.
fn notes(area: &Area<'_>, chart: &Chart) -> Vec<(String, (i32, i32))> {
    let at = |point: &(f64, f64)| area.backend_coord(point);
    let points = chart.series.iter().flat_map(|series| &series.points).map(at);
    let mut taken: Vec<Box> = points.map(|(x, y)| [x - 4, y - 4, x + 4, y + 4]).collect();
    let mut placed = Vec::new();
    let (xs, ys) = area.plotting_area().get_pixel_range();
    for series in &chart.series {
        for (point, note) in series.points.iter().zip(&series.notes) {
            let ((x, y), w, h) = (at(point), wide(note, LETTERS.1), LETTERS.1);
            let (right, left) = (x + 7, x - 7 - w);
            let places =
                [(right, y - 5), (left, y - 5), (x - w / 2, y - 7 - h), (x - w / 2, y + 7)];
            let boxed = |&(x, y): &(i32, i32)| [x, y, x + w, y + h];
            let free = |place: &&(i32, i32)| {
                let own = boxed(place);
                let inside = own[0] > xs.start && own[2] < PLOT.0 && own[3] < ys.end;
                inside && !taken.iter().any(|other| meet(other, &own))
            };
            if let Some(place) = places.iter().find(free) {
                taken.push(boxed(place));
                placed.push((note.clone(), *place));
            }
        }
    }
    placed
}

/// Its line and its points.
fn draw_series(area: &mut Area<'_>, series: &Series, color: RGBAColor) -> Drawing {
    let points = || series.points.iter().copied();
    if series.drawn != Drawn::Points {
        area.draw_series(LineSeries::new(points(), color.stroke_width(2)))?;
    }
    if series.drawn != Drawn::Line {
        let style = color.filled();
        area.draw_series(PointSeries::<_, _, Circle<_, _>, _>::new(points(), 4, style))?;
    }
    Ok(())
}

fn color(i: usize, series: &Series) -> RGBAColor {
    if series.drawn == Drawn::Line { BLACK.mix(0.6) } else { Palette99::pick(i).mix(1.0) }
}

/// The powers of ten around all values, and a little more, so that rounding leaves none of them outside.
fn decades(values: impl Iterator<Item = f64>) -> Range<f64> {
    let usable = values.filter(|v| v.is_finite() && *v > 0.0);
    let (low, high) = usable.fold((f64::MAX, 0f64), |(low, high), v| (low.min(v), high.max(v)));
    if high == 0.0 {
        return 0.999..10.01;
    }
    let (low, high) = (low.log10().floor(), high.log10().ceil());
    0.999 * 10f64.powf(low)..1.001 * 10f64.powf(high.max(low + 1.0))
}

/// A tick of the axis: `0.05`, `20`, `3k`, `10M`.
fn short(value: f64) -> String {
    let units = [(1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")];
    // A power of ten may have come out a little low by rounding.
    let value = value * (1.0 + 1e-9);
    match units.iter().find(|(unit, _)| value >= *unit) {
        Some((unit, letter)) => format!("{}{letter}", (value / unit * 10.0).floor() / 10.0),
        None => {
            let digits = (-value.log10()).ceil().max(0.0) as usize;
            format!("{value:.digits$}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_short() {
        let ticks = [0.001, 0.05, 0.1, 1.0, 20.0, 999.999_999_9, 3_000.0, 1e7, 2e9].map(short);
        assert_eq!(ticks, ["0.001", "0.05", "0.1", "1", "20", "1k", "3k", "10M", "2G"]);
    }

    #[test]
    fn axes_end_at_powers_of_ten() {
        let axis = decades([3.0, 10.0, 0.0, f64::NAN, 250.0].into_iter());
        assert!(axis.start < 1.0 && axis.start > 0.99 && axis.end > 1000.0 && axis.end < 1010.0);
        let one = decades([10.0].into_iter());
        assert!(one.start < 10.0 && one.end > 100.0);
        assert!(decades([].into_iter()).start > 0.0);
    }

    #[test]
    fn names_of_devices_are_escaped() {
        let points = vec![(1.0, 10.0), (10.0, 20.0)];
        let notes = vec!["50 %".to_owned(), "60 %".to_owned()];
        let series = Series { points, notes, ..Series::new("a < b".into(), None, Drawn::Joined) };
        let (title, series) = ("R&D \"card\"".to_owned(), vec![series]);
        let chart = Chart { name: "c", title, x: "x", y: "y", series, lack: "points" };
        let text = draw(&chart).unwrap();
        assert!(text.contains("R&amp;D &quot;card&quot;") && text.contains("a &lt; b"), "{text}");
        assert!(text.contains("60 %") && text.trim_end().ends_with("</svg>"), "{text}");
    }

    /// The boxes of all texts but the turned one of the y axis, as wide as a wide font makes them.
    fn boxes(svg: &str) -> Vec<(String, Box)> {
        let mut boxes = Vec::new();
        for text in svg.split("<text ").skip(1) {
            let (tag, rest) = text.split_once('>').unwrap();
            let said = rest.split_once('<').unwrap().0.trim().to_owned();
            let value = |name: &str| {
                let quoted = tag.split_once(&format!(" {name}=\""));
                quoted.map(|(_, after)| after.split_once('"').unwrap().0)
            };
            let number = |name: &str| value(name).unwrap().parse::<f64>().unwrap() as i32;
            if tag.contains("rotate") {
                continue;
            }
            // plotters counts a font's size from its lowest to its highest point
            let size = number("font-size") + 1;
            let x = tag.split_once("x=\"").unwrap().1.split_once('"').unwrap().0;
            let (x, w) = (x.parse::<i32>().unwrap(), wide(&said, size));
            let left = match value("text-anchor") {
                Some("middle") => x - w / 2,
                Some("end") => x - w,
                _ => x,
            };
            // of the line on which the letters stand; half an em is as high as an x
            let em = match value("dy").unwrap().split_once('e').unwrap() {
                (number, "x") => number.parse::<f64>().unwrap() / 2.0,
                (number, _) => number.parse().unwrap(),
            };
            let bottom = number("y") + (em * f64::from(size)) as i32;
            boxes.push((said, [left, bottom - size * 3 / 4, left + w, bottom]));
        }
        boxes
    }

    #[test]
    fn no_label_lies_over_another_and_none_leaves_the_picture() {
        let mut series: Vec<Series> = Vec::new();
        for i in 0..40 {
            let label =
                format!("{i}M x 768 correlation, k = 2048, another program's name of 40 letters");
            let mut one = Series::new(label, None, Drawn::Points);
            // many measurements lie nearly on one another
            one.points = (1..20).map(|j| (f64::from(j * j), 1e3 + f64::from(i * j % 7))).collect();
            one.notes = one.points.iter().map(|point| format!("{:.0} %", point.0)).collect();
            series.push(one);
        }
        let title = "Share of the roofline: an adapter with a name of 40 letters, d = 768".into();
        let (x, y) = ("operations a byte of rows", "TFLOP/s");
        let text = draw(&Chart { name: "c", title, x, y, series, lack: "points" }).unwrap();
        let mut boxes = boxes(&text);
        // a tick that plotters draws twice at one place
        boxes.sort();
        boxes.dedup();
        assert!(boxes.len() > 100, "{}", boxes.len());
        let height = text.split_once("height=\"").unwrap().1.split_once('"').unwrap().0;
        for (at, (said, own)) in boxes.iter().enumerate() {
            let inside = own[0] >= 0 && own[1] >= 0 && own[2] <= PLOT.0 + LEGEND_WIDTH;
            assert!(inside && own[3] <= height.parse().unwrap(), "{said}: {own:?}");
            for (other, box_of_other) in &boxes[..at] {
                assert!(
                    !meet(own, box_of_other),
                    "{said:?} over {other:?}: {own:?} {box_of_other:?}"
                );
            }
        }
    }
}
