//! The nearest rows of each query, left on the device for whoever goes on from there.

use super::dataset::Dataset;
use super::distance::Dense;
use super::exact_bins::{ChosenBins, ExactBins};
use super::filter::Bitmap;
use super::plan::{Path, Plan};
use super::queries::Queries;
use super::scan::direct::Direct;
use super::scan::rescore::{Chosen, Scanned};
use super::scan::score::Scan;
use super::scan::settings::ScanSettings;
use super::upload::Upload;
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernel::Encoder;
use crate::ops::select_k::{Selected, Selection};
use crate::space::Pair;

/// The answer, and how many bins each query chose where that has to be looked at: of those that chose more than `room` it means nothing.
pub(crate) struct Nearest {
    pub hits: Selected,
    pub counts: Option<Buffer>,
    pub room: u32,
}

/// How a plan goes about rows of which, and of the queries, `dataset` and `queries` know: the settings of the scan, and its path.
pub(super) fn path(
    dataset: &Dataset,
    queries: &Queries,
    plan: &Plan,
    path: Path,
) -> (Path, ScanSettings) {
    let (Some(term), Path::Scan) = (plan.term, path) else { return (path, plan.scan) };
    let (rows, facts) = (dataset.compared().facts(), queries.facts);
    let direct = Direct::new(dataset.metric(), term, queries.dim(), rows, facts);
    // elements that it is not for are compared as the metric is defined
    let path = direct.map_or(Path::Bins, |_| Path::Scan);
    (path, ScanSettings { direct, ..plan.scan })
}

/// Encodes stages B and C of a scan whose rows are all scored.
pub(super) fn of_scan(
    encoder: &mut Encoder,
    dataset: &Dataset,
    biases: Option<&[Buffer]>,
    pair: &Pair,
    scan: &Scan,
    k: u32,
) -> Result<Scanned> {
    let rows = dataset.scan_rows();
    if !scan.method.is_direct() {
        return scan.select(encoder, rows, biases, pair, k);
    }
    let Chosen { bins, counts } = scan.choose(encoder, rows, k)?;
    let (settings, scores) = (&scan.method.settings, &scan.scores);
    let most = settings.max_candidates;
    let of = ChosenBins { bins: &bins, counts: &counts, most, positions: None };
    let bits = scores.bitmap.as_ref();
    let bitmap = bits.map(|bits| Bitmap { bits: bits.clone(), words: scores.words });
    let (nq, threads) = (scores.upload.count, settings.select_threads);
    let asked = (&scores.upload, bitmap.as_ref());
    let hits = Selection { nq, k, threads, sorted: true };
    let hits = of.nearest(encoder, dataset, biases, pair, asked, hits)?;
    Ok(Scanned { hits, counts })
}

/// Encodes the search of all rows for some queries in one go, which `plan` says the way of; `again` goes the way that always answers.
pub(crate) fn nearest(
    encoder: &mut Encoder,
    dataset: &Dataset,
    queries: &Queries,
    upload: Upload,
    (plan, again): (&Plan, bool),
    k: u32,
) -> Result<Nearest> {
    let planned = if again { Path::Bins } else { plan.path };
    let (path, settings) = path(dataset, queries, plan, planned);
    let room = settings.max_candidates;
    match path {
        Path::Scan => {
            let rows = dataset.scan_rows();
            let mut scan = Scan::new(rows, queries.facts, upload, None, settings, encoder)?;
            while !scan.score(encoder, rows, None, u64::MAX)? {}
            let Scanned { hits, counts } =
                of_scan(encoder, dataset, None, &queries.pair, &scan, k)?;
            Ok(Nearest { hits, counts: Some(counts), room })
        }
        Path::Bins => {
            // never by tiles of a user's metric, which would have to be checked
            let mut bins = ExactBins::new(dataset, upload, None, None)?;
            while !bins.score(encoder, dataset, None, queries, plan)? {}
            let hits = bins.select(encoder, dataset, None, queries, plan, k)?.hits;
            Ok(Nearest { hits, counts: None, room })
        }
        Path::Dense => {
            let mut dense = Dense::new(dataset, upload, None, plan, k)?;
            while !dense.step(encoder, dataset, None, queries, plan, k)? {}
            Ok(Nearest { hits: dense.into_best(), counts: None, room })
        }
    }
}
