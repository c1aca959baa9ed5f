//! How much work to time with: batches long beside the noise, short beside the time for all candidates.

use super::choose::Outcome;
use super::load::Load;
use super::sweep::fault;
use super::trial::Part;
use super::tuner::{BATCH, TILES_ALONE, Tuner, probe};
use crate::shell::failure::{Failure, Result};

/// The first round runs with what the profile takes the rate to be, which may be far off.
const ROUNDS: u64 = 3;

/// Finds numbers of queries that keep the scan busy for about `milliseconds`, and what it reaches then.
pub fn run(tuner: &mut Tuner<'_>, milliseconds: f64) -> Result<()> {
    tuner.progress.phase("finding the size of the work", ROUNDS);
    for round in 0..ROUNDS {
        let probe = probe("scan_tile_", Part::Stage("scan"), tuner.batches());
        let values = tuner.values.with(&tuner.with(&TILES_ALONE));
        let outcome = tuner.trials.measure(&values, &probe, None);
        let Outcome::Timed(times) = &outcome else {
            let why = fault(&outcome).unwrap_or_default();
            return Err(Failure::Work(format!("the profile in force does not run here: {why}")));
        };
        let before = tuner.queries.clone();
        let mut least = f64::MAX;
        for (load, time) in probe.loads.iter().zip(times) {
            let reached = tuner.trials.operations(load) / time;
            least = least.min(reached);
            let one = tuner.trials.operations(&Load { queries: 1, ..*load });
            let fitting = (reached * milliseconds * 1e6 / one) as usize / BATCH * BATCH;
            let most = tuner.trials.sets[load.set].query_count();
            tuner.queries[load.set] = fitting.max(BATCH).min(most);
        }
        let gflops = least.clamp(1.0, 1e9) as u32;
        let settled = gflops <= tuner.gflops.saturating_mul(2) && tuner.queries == before;
        tuner.gflops = gflops;
        tuner.progress.set(round + 1);
        if settled {
            break;
        }
    }
    Ok(())
}
