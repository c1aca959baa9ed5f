//! The choices in their order: each is made with what those before it chose.

use super::table::Section;
use super::tuner::Tuner;
use crate::args::Tuned;
use crate::shell::failure::Result;
use std::time::Instant;

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Tiles,
    Matrix,
    Walk,
    Copy,
    Few,
    Select,
    Lists,
    Codes,
    Graphs,
    Rate,
    Spin,
}

/// What belongs to which part, and which share of the time each may take.
const STEPS: [(Step, Tuned, u32); 11] = [
    (Step::Tiles, Tuned::Scan, 8),
    (Step::Matrix, Tuned::Matrix, 8),
    (Step::Walk, Tuned::Matrix, 2),
    (Step::Copy, Tuned::Matrix, 2),
    (Step::Few, Tuned::Scan, 2),
    (Step::Select, Tuned::Select, 2),
    (Step::Lists, Tuned::Lists, 4),
    (Step::Codes, Tuned::Codes, 4),
    (Step::Graphs, Tuned::Graph, 4),
    (Step::Rate, Tuned::Submit, 1),
    (Step::Spin, Tuned::Submit, 2),
];

/// Makes the choices of some parts.
pub fn run(tuner: &mut Tuner<'_>, parts: &[Tuned]) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    let steps: Vec<_> = STEPS.iter().filter(|(_, part, _)| parts.contains(part)).collect();
    for (place, (step, _, share)) in steps.iter().enumerate() {
        let (now, shares) = (Instant::now(), steps[place..].iter().map(|(.., s)| s).sum::<u32>());
        let until = now + tuner.end.saturating_duration_since(now) * *share / shares.max(1);
        let mut found = match step {
            Step::Tiles => vec![tuner.tiles(until)?],
            Step::Matrix => vec![tuner.matrix(until)?],
            Step::Walk => tuner.walk(until)?.into_iter().collect(),
            Step::Copy => tuner.copy(until)?.into_iter().collect(),
            Step::Few => vec![tuner.few(until)?],
            Step::Select => vec![tuner.select(until)?],
            Step::Lists => tuner.lists(until)?,
            Step::Codes => tuner.codes(until)?,
            Step::Graphs => tuner.graphs(until)?,
            Step::Rate => tuner.rates(until)?,
            Step::Spin => vec![tuner.spin(until)?],
        };
        sections.append(&mut found);
    }
    Ok(sections)
}
