//! Rows of a file that an index learns from.

use super::failure::{Failure, Result};
use super::progress::Progress;
use super::{random, stop};
use nearfield::format::RowFile;
use nearfield::{Error, Index, RowSource, Rows, TrainParams};

const SEED: u64 = 1;
/// Rows that are read at a time.
const BLOCK: u64 = 1 << 14;
/// What training is shown in.
const STEPS: u64 = 100;

/// Trains an index with rows of a file, at most as many as it has a use for, picked at random.
pub fn train(index: &dyn Index, mut file: RowFile, progress: &Progress) -> Result<()> {
    let most = index.training_rows() as u64;
    let chosen = random::choose(file.row_count(), most, SEED);
    progress.phase("reading what to learn from", chosen.len() as u64);
    let (mut words, mut bytes) = (Vec::<u32>::new(), 0);
    let mut done = 0;
    while done < chosen.len() {
        stop::check()?;
        progress.set(done as u64);
        // rows side by side come together
        let (first, mut end) = (chosen[done], chosen[done] + 1);
        done += 1;
        while done < chosen.len() && chosen[done] == end && end - first < BLOCK {
            (done, end) = (done + 1, end + 1);
        }
        let path = file.path().to_owned();
        let rows = file.rows(first..end).map_err(|e| Failure::about(&path, 0, e))?;
        let more = rows.bytes();
        words.resize((bytes + more.len()).div_ceil(4), 0);
        bytemuck::cast_slice_mut::<u32, u8>(&mut words)[bytes..bytes + more.len()]
            .copy_from_slice(more);
        bytes += more.len();
    }
    let chosen = without_skipped(&file, chosen, &mut words, &mut bytes);
    progress.phase("learning the lists", STEPS);
    let told = progress.reporter(0, STEPS);
    let params = TrainParams::new().cancel(&stop::token()).progress(move |share| told(share));
    stop::check()?;
    let sample = &bytemuck::cast_slice::<u32, u8>(&words)[..bytes];
    let trained = index.train_with(Rows::from_bytes(file.dtype(), sample)?, &params);
    let name = file.path().display();
    trained.map_err(|error| match error {
        Error::InvalidArgument { argument: "sample", reason } => {
            Failure::Work(format!("{name}: {reason}"))
        }
        Error::NonFinite { row, column } => {
            let row = chosen.get(row as usize).copied().unwrap_or(row);
            Failure::about(file.path(), 0, Error::NonFinite { row, column })
        }
        Error::InvalidValue { row, column, reason } => {
            let row = chosen.get(row as usize).copied().unwrap_or(row);
            Failure::about(file.path(), 0, Error::InvalidValue { row, column, reason })
        }
        other => other.into(),
    })
}

/// Leaves out the rows that turned out to be skipped.
fn without_skipped(
    file: &RowFile,
    chosen: Vec<u64>,
    words: &mut [u32],
    bytes: &mut usize,
) -> Vec<u64> {
    let skipped = file.skipped();
    if skipped.is_empty() {
        return chosen;
    }
    let row_bytes = file.dtype().row_bytes(file.dim());
    let all: &mut [u8] = bytemuck::cast_slice_mut(words);
    let mut kept = Vec::with_capacity(chosen.len());
    for (at, row) in chosen.into_iter().enumerate() {
        if skipped.binary_search(&row).is_err() {
            let from = at * row_bytes;
            all.copy_within(from..from + row_bytes, kept.len() * row_bytes);
            kept.push(row);
        }
    }
    *bytes = kept.len() * row_bytes;
    kept
}
