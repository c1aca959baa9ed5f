//! Charts as SVG. Text stays text, in the reader's own fonts: none is needed here.

use super::chart::{Chart, Drawn, Series};
use plotters::prelude::*;
use std::ops::Range;

/// Where the curves are drawn.
type Area<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<LogCoord<f64>, LogCoord<f64>>>;
type Drawing = Result<(), DrawingAreaErrorKind<std::io::Error>>;

const SIZE: (u32, u32) = (1040, 480);
/// The legend stands right of it: over the curves it would hide some.
const PLOT_WIDTH: i32 = 680;
const FONT: &str = "sans-serif";

pub fn draw(chart: &Chart) -> Result<String, String> {
    let mut text = String::new();
    draw_into(&mut text, chart).map_err(|e| e.to_string())?;
    Ok(text)
}

fn draw_into(text: &mut String, chart: &Chart) -> Drawing {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (plot, legend) = root.split_horizontally(PLOT_WIDTH);
    let points = || chart.series.iter().flat_map(|series| &series.points);
    let xs = decades(points().map(|point| point.0));
    let ys = decades(points().map(|point| point.1));
    let mut area = ChartBuilder::on(&plot)
        .caption(&chart.title, (FONT, 20))
        .margin(12)
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
        let y = 48 + 22 * i as i32;
        legend.draw(&Circle::new((8, y), 4, color(i, series).filled()))?;
        legend.draw(&Text::new(series.label.clone(), (20, y - 5), (FONT, 13).into_font()))?;
    }
    root.present()
}

/// Its line, its points, and the notes beside them.
fn draw_series(area: &mut Area<'_>, series: &Series, color: RGBAColor) -> Drawing {
    let points = || series.points.iter().copied();
    if series.drawn != Drawn::Points {
        area.draw_series(LineSeries::new(points(), color.stroke_width(2)))?;
    }
    if series.drawn != Drawn::Line {
        let style = color.filled();
        area.draw_series(PointSeries::<_, _, Circle<_, _>, _>::new(points(), 4, style))?;
    }
    let notes = points().zip(&series.notes);
    area.draw_series(notes.map(|(at, note)| {
        EmptyElement::at(at) + Text::new(note.clone(), (7, -5), (FONT, 12).into_font())
    }))?;
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
        let series = Series { label: "a < b".into(), points, notes, drawn: Drawn::Joined };
        let (title, series) = ("R&D \"card\"".to_owned(), vec![series]);
        let chart = Chart { name: "c", title, x: "x", y: "y", series, lack: "points" };
        let text = draw(&chart).unwrap();
        assert!(text.contains("R&amp;D &quot;card&quot;") && text.contains("a &lt; b"), "{text}");
        assert!(text.contains("60 %") && text.trim_end().ends_with("</svg>"), "{text}");
    }
}
