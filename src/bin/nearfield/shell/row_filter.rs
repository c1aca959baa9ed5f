//! The rows that `--allow` and `--deny` leave.

use super::failure::{Failure, Result};
use super::{print, stop};
use nearfield::IdFilter;
use nearfield::format::RowList;
use std::path::Path;

/// So many ids are held as bits, in 256 MB; those of a saved index may reach further, and are a list then.
const MOST_BITS: u64 = 1 << 31;

/// What there is that a file may name.
#[derive(Clone, Copy)]
pub struct Known {
    /// A number that all ids are below.
    pub ids_below: u64,
    /// The same where more rows are known than are searched: those of the whole file.
    pub of_file: u64,
    pub quiet: bool,
}

/// What is allowed, without what is denied; none where everything is. Numbers that are no ids name nothing; so does -1, which
/// stands for no hit in the outputs of a search.
pub fn of(allow: Option<&Path>, deny: Option<&Path>, known: Known) -> Result<Option<IdFilter>> {
    let set = |file: Option<&Path>| file.map(|file| row_set(file, known)).transpose();
    Ok(match (set(allow)?, set(deny)?) {
        (Some(allow), Some(deny)) => Some(allow & !deny),
        (Some(allow), None) => Some(allow),
        (None, Some(deny)) => Some(!deny),
        (None, None) => None,
    })
}

/// The rows that a file names, as bits: however many they are, they take a bit a row of the base. Of a saved index they are ids.
fn row_set(file: &Path, known: Known) -> Result<IdFilter> {
    let Known { ids_below, of_file, quiet } = known;
    let mut list = RowList::open(file, &[ids_below, of_file])
        .map_err(|error| Failure::about(file, 0, error))?;
    let as_bits = ids_below <= MOST_BITS;
    let mut words = vec![0u64; if as_bits { ids_below.div_ceil(64) as usize } else { 0 }];
    let mut far = Vec::new();
    let mut beyond = None;
    while let Some(block) =
        list.next_ids(usize::MAX).map_err(|error| Failure::about(file, 0, error))?
    {
        stop::check()?;
        for &id in block {
            if id < -1 {
                return Err(Failure::Work(format!("{}: {id} is no row number", file.display())));
            }
            let Ok(id) = u64::try_from(id) else { continue };
            if id >= of_file {
                let (first, count) = beyond.unwrap_or((id, 0u64));
                beyond = Some((first, count + 1));
            } else if !as_bits {
                far.push(id);
            } else if id < ids_below {
                words[(id / 64) as usize] |= 1 << (id % 64);
            }
        }
    }
    if let Some((first, count)) = beyond.filter(|_| !quiet) {
        print::to_stderr(format_args!(
            "warning: {}: {first} is no row of {of_file}, which are counted from 0, nor are {} others: they name nothing",
            file.display(),
            count - 1
        ));
    }
    Ok(if as_bits { IdFilter::bitmap(words) } else { IdFilter::batch(far) })
}
