//! What the parameters of a search leave of the rows of a snapshot.

use super::snapshot::Snapshot;
use super::stored::Stored;
use crate::call::Filter;
use crate::error::{Error, Result};
use crate::exact::ToPrepare;
use crate::index::ids::{self, Now, Prepare, PreparedFilter};
use crate::index::params::SearchParams;
use std::any::Any;
use std::ops::Range;
use std::sync::{Arc, Weak};

/// The filter of a call of so many queries. Removed rows need none: what is stored leaves them out.
pub(super) fn filter<R: Stored>(
    now: &Arc<Snapshot<R>>,
    index: &Arc<()>,
    params: &SearchParams,
    queries: &dyn Fn() -> Result<usize>,
) -> Result<Filter> {
    let (shared, each) = (params.filter.as_ref(), params.query_filter.as_ref());
    let Some(prepared) = &params.prepared else {
        return ids::of_rows(shared, each, now.ids(), queries);
    };
    let beside = match prepared.is_shared() {
        true => shared.is_some().then_some("filter"),
        false => each.is_some().then_some("query_filter"),
    };
    if let Some(beside) = beside {
        let reason = format!("beside {beside}, which is of its kind; prepare what both pass");
        return Err(Error::argument("prepared", reason));
    }
    // first what is refused, then what takes time
    let of_device = prepared.on(&now_of(now, index), queries, |filter| make(now, filter))?;
    let of_host = ids::of_rows(shared, each, now.ids(), queries)?;
    let (shared, each) = (of_device.shared.or(of_host.shared), of_device.each.or(of_host.each));
    Ok(Filter { shared, each })
}

/// A filter that stays on the device.
pub(super) fn prepared<R: Stored>(
    now: &Arc<Snapshot<R>>,
    index: &Arc<()>,
    filter: Prepare,
) -> Result<PreparedFilter> {
    PreparedFilter::new(filter, &now_of(now, index), |filter| make(now, filter))
}

fn now_of<'a, R: Stored>(now: &'a Arc<Snapshot<R>>, index: &'a Arc<()>) -> Now<'a> {
    let snapshot: Weak<dyn Any + Send + Sync> = Arc::<Snapshot<R>>::downgrade(now);
    Now { index, snapshot, ids: now.ids() }
}

fn make<R: Stored>(now: &Snapshot<R>, filter: &Prepare) -> Result<Filter> {
    let ids = now.ids();
    match filter {
        Prepare::Shared(filter) => {
            now.rows().prepare(ToPrepare::Shared(&ids::shared_rows(filter, ids)))
        }
        Prepare::Each(filter) => {
            let words = |which: Range<usize>, stride| filter.words(ids, which, stride, None);
            now.rows().prepare(ToPrepare::Each { queries: filter.queries()?, words: &words })
        }
    }
}
