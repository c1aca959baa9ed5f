//! Searches in flight: awaited, waited for, dropped, many at once.

use crate::common::device::shared;
use crate::support::{gpu, own_gpu};
use nearfield::{CancelToken, Error, Flat, Gpu, Index, Metric, Rows, Search, SearchParams};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

fn index(gpu: &Gpu, n: usize) -> (Flat, Vec<f32>) {
    let rows: Vec<f32> = (0..n * 2).map(|i| (i % 173) as f32).collect();
    let index = Flat::new(gpu, 2, Metric::L2).unwrap();
    index.add(&rows).unwrap();
    (index, rows)
}

/// Device memory that is neither pooled nor staging, which the device keeps for the next call.
pub fn held(gpu: &Gpu) -> u64 {
    let labels = gpu.memory().labels;
    labels.iter().filter(|l| l.label != "staging").map(|l| l.bytes).sum()
}

/// Waits for what another thread does.
pub fn wait_until(what: &str, is: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is() {
        assert!(begin.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// An index whose searches of `QUERIES` queries go to the device in four submissions, each some 100 ms on a processor: of fewer
/// rows where a driver is slow.
pub fn slow_index() -> (Flat, Vec<f32>) {
    let (index, rows) = index_of(12_000);
    let begin = Instant::now();
    index.search(&rows[..QUERIES * DIM], 5).unwrap();
    if begin.elapsed() > Duration::from_millis(600) { (index, rows) } else { index_of(30_000) }
}

fn index_of(n: usize) -> (Flat, Vec<f32>) {
    let pairs = (n * QUERIES / 4) as f64;
    let gpu = || {
        let gpu = Gpu::builder().poison(true).setting("submit.gflops", 1);
        gpu.setting("submit.max_ms", (pairs * 2.0 * DIM as f64 / 1e6).ceil())
    };
    let gpu = shared(&format!("four submissions of {n} rows"), gpu).unwrap();
    let rows: Vec<f32> = (0..n * DIM).map(|i| (i * 7919 % 1009) as f32 / 1009.0).collect();
    let index = Flat::new(&gpu, DIM, Metric::L1).unwrap();
    index.add(&rows).unwrap();
    // the kernels, which depend on the number of queries, are compiled by the first search
    index.search(&rows[..QUERIES * DIM], 5).unwrap();
    (index, rows)
}

pub const DIM: usize = 64;
pub const QUERIES: usize = 256;

/// Lets the other futures of the same thread go on.
async fn others_go_on() {
    let mut polled = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A software driver takes a submission only once it has computed the one before. A task that waits for a search must not
/// wait for that, or nothing else runs on its thread.
#[test]
fn awaited_searches_leave_their_thread_to_others() {
    let (index, rows) = slow_index();
    let (params, ended) = (SearchParams::new(), AtomicUsize::new(0));
    let search = async |at: usize| {
        let queries = Rows::F32(&rows[at * DIM..][..QUERIES * DIM]);
        let hits = index.submit(queries, 5, &params).unwrap().await.unwrap();
        ended.fetch_add(1, Ordering::Relaxed);
        hits
    };
    let ticker = async {
        let (mut last, mut worst) = (Instant::now(), Duration::ZERO);
        while ended.load(Ordering::Relaxed) < 2 {
            std::thread::sleep(Duration::from_millis(5));
            others_go_on().await;
            worst = worst.max(last.elapsed());
            last = Instant::now();
        }
        worst
    };
    let begin = Instant::now();
    let all = futures::future::join3(ticker, search(0), search(QUERIES));
    let (worst, first, second) = pollster::block_on(all);
    for (at, hits) in [(0, &first), (QUERIES, &second)] {
        assert!(hits.stats().submissions >= 4, "{:?}", hits.stats());
        assert!((0..QUERIES).all(|i| hits.ids()[i * 5] == (at + i) as u64));
    }
    // Less than one of the eight submissions takes, however busy the machine is. Where the device is none of the processor's, all
    // of them take less than a driver may that opens a device for another test.
    let least = if gpu().caps().software { 60 } else { 500 };
    let most = (begin.elapsed() / 12).max(Duration::from_millis(least));
    assert!(worst < most, "the other future stood still for {worst:?} of {:?}", begin.elapsed());
}

#[test]
fn a_search_goes_on_though_nobody_polls_or_waits() {
    let (index, rows) = slow_index();
    let queries = Rows::F32(&rows[..QUERIES * DIM]);
    let expected = index.search_with(queries, 5, &SearchParams::new()).unwrap();
    let share = Arc::new(Mutex::new(0.0));
    let told = Arc::clone(&share);
    let params = SearchParams::new().progress(move |share| *told.lock().unwrap() = share);
    let pending = index.submit(queries, 5, &params).unwrap();
    wait_until("the search ends", || *share.lock().unwrap() == 1.0);
    assert_eq!(pending.wait().unwrap().ids(), expected.ids());
    // one that nobody wants ends, and so does one that is cancelled, whoever waits
    drop(index.submit(queries, 5, &params).unwrap());
    let token = CancelToken::new();
    // when the first of its submissions is back, so that a fast device has not all of them done
    let cancels = token.clone();
    let cancelled = SearchParams::new().cancel(&token).progress(move |_| cancels.cancel());
    let pending = [0, 1].map(|_| index.submit(queries, 5, &cancelled));
    let [awaited, waited] = pending;
    assert!(matches!(awaited.and_then(pollster::block_on), Err(Error::Cancelled)));
    assert!(matches!(waited.and_then(|call| call.wait()), Err(Error::Cancelled)));
    assert_eq!(index.search_with(queries, 5, &params).unwrap().ids(), expected.ids());
}

#[test]
fn what_a_callers_function_does_stays_in_its_call() {
    let (index, rows) = index(&gpu(), 700);
    let queries = || Rows::F32(&rows[..80]);
    let panics = SearchParams::new().progress(|_| panic!("a test's own panic"));
    let awaited = pollster::block_on(index.submit(queries(), 9, &panics).unwrap());
    assert!(matches!(awaited, Err(Error::Internal { .. })));
    let pending = index.submit(queries(), 9, &panics).unwrap();
    // where it is driven by who waits, the panic is theirs
    let waited = catch_unwind(AssertUnwindSafe(|| pending.wait()));
    assert!(matches!(waited, Err(_) | Ok(Err(Error::Internal { .. }))));
    // a call within a call, on the thread that would drive it
    let (index, asked) = (Arc::new(index), Arc::new(AtomicBool::new(false)));
    let (inner, done, query) = (Arc::clone(&index), Arc::clone(&asked), rows[..2].to_vec());
    let nested = SearchParams::new().progress(move |_| {
        let pending = inner.submit(Rows::F32(&query), 1, &SearchParams::new()).unwrap();
        assert_eq!(pollster::block_on(pending).unwrap().ids(), [0]);
        done.store(true, Ordering::Relaxed);
    });
    let hits = pollster::block_on(index.submit(queries(), 9, &nested).unwrap()).unwrap();
    // the call itself, which cannot end before its function returns
    let own = Arc::new(Mutex::new(None::<nearfield::Pending<nearfield::Hits>>));
    let (of_own, said) = (Arc::clone(&own), Arc::new(Mutex::new(String::new())));
    let told = Arc::clone(&said);
    let awaits = SearchParams::new().progress(move |_| {
        if let Some(own) = of_own.lock().unwrap().take() {
            *told.lock().unwrap() = pollster::block_on(own).unwrap_err().to_string();
        }
    });
    let (searched, asked_rows) = slow_index();
    let mut place = own.lock().unwrap();
    let asked_rows = Rows::F32(&asked_rows[..QUERIES * DIM]);
    *place = Some(searched.submit(asked_rows, 5, &awaits).unwrap());
    drop(place);
    wait_until("the function ends", || !said.lock().unwrap().is_empty());
    assert!(said.lock().unwrap().contains("awaits the call"), "{said:?}");
    assert!(asked.load(Ordering::Relaxed));
    assert_eq!(hits.ids(), index.search_with(queries(), 9, &SearchParams::new()).unwrap().ids());
}

#[test]
fn a_future_and_a_wait_bring_the_same() {
    let (index, rows) = index(&gpu(), 700);
    let queries = Rows::F32(&rows[..80]);
    let params = SearchParams::new();
    let waited = index.search_with(queries, 9, &params).unwrap();
    let awaited = pollster::block_on(index.submit(queries, 9, &params).unwrap()).unwrap();
    assert_eq!((waited.ids(), waited.distances()), (awaited.ids(), awaited.distances()));
    let waited = index.range_search_with(queries, 50.0, &params).unwrap();
    let awaited = index.submit_range(queries, 50.0, &params).unwrap();
    let awaited = pollster::block_on(awaited).unwrap();
    assert_eq!((waited.ids(), waited.lims()), (awaited.ids(), awaited.lims()));
    assert!(!waited.ids().is_empty());
}

#[test]
fn several_are_in_flight_and_end_in_any_order() {
    let (index, rows) = index(&gpu(), 700);
    let params = SearchParams::new();
    let pending: Vec<_> = (0..12)
        .map(|i| (i, index.submit(Rows::F32(&rows[i * 2..i * 2 + 2]), 1 + i, &params).unwrap()))
        .collect();
    for (i, pending) in pending.into_iter().rev() {
        let hits = match i % 2 {
            0 => pending.wait().unwrap(),
            _ => pollster::block_on(pending).unwrap(),
        };
        assert_eq!((hits.ids().len(), hits.ids()[0], hits.distances()[0]), (1 + i, i as u64, 0.0));
    }
    let all = (0..20).map(|_| index.submit(Rows::F32(&rows[..2]), 1, &params).unwrap());
    let all = pollster::block_on(futures::future::try_join_all(all)).unwrap();
    assert!(all.iter().all(|hits| hits.ids() == [0]));
}

#[test]
fn a_pending_search_sees_the_index_as_it_was() {
    let (index, rows) = index(&gpu(), 200);
    let search = || index.submit(Rows::F32(&rows[..2]), 500, &SearchParams::new()).unwrap();
    let first = search();
    index.remove(&[0]).unwrap();
    let second = search();
    index.add(&rows[..2]).unwrap();
    let third = search();
    index.update(1, Rows::F32(&rows[..2])).unwrap();
    let fourth = search();
    index.remove(&(0..200).collect::<Vec<_>>()).unwrap();
    let counts = [first, second, third, fourth, search()].map(|pending| {
        let hits = pending.wait().unwrap();
        (hits.ids().len(), hits.ids()[0])
    });
    // Row 173 equals row 0: the pattern repeats.
    assert_eq!(counts, [(200, 0), (199, 173), (200, 173), (200, 1), (1, 200)]);
}

#[test]
fn a_dropped_search_frees_what_it_held() {
    let gpu = own_gpu();
    let (index, rows) = index(&gpu, 700);
    let params = SearchParams::new();
    for gone in [600, 1] {
        let kept = held(&gpu);
        let before = index.memory();
        let queries = Rows::F32(&rows[..200]);
        drop(index.submit(queries, 100, &params).unwrap());
        let mut polled = index.submit(queries, 3, &params).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let _ = Pin::new(&mut polled).poll(&mut context);
        let _ = Pin::new(&mut polled).poll(&mut context);
        drop(polled);
        // at once, or when the device's own thread is done with what it is at
        wait_until("the memory is free again", || held(&gpu) == kept);
        assert_eq!(index.memory(), before);
        // A search in flight keeps the snapshot that it runs on, and nothing keeps it longer.
        let pending = index.submit(Rows::F32(&rows[..2]), 1, &params).unwrap();
        index.remove(&(0..gone).collect::<Vec<_>>()).unwrap();
        drop(pending);
    }
    assert_eq!(index.search(&rows[..2], 1).unwrap().ids().len(), 1);
}
