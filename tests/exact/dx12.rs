//! The same searches with the kernels that naga writes for Vulkan and with those that DXC makes of naga's HLSL: the same answers to
//! the bit, and the same bins passed by the scans on the way there.

use crate::common::cases::{CASES, Case, bit_metrics, float_metrics};
use crate::common::device::subset;
use crate::common::dx12;
use crate::common::hlsl::dxc;
use crate::common::ways::{BYTES, COPY, ROWS, TILES, Way};
use crate::sweep::{Counts, Variants, index, params, print_counts};
use nearfield::{DType, ExactStats, Gpu, Hits, Metric, pairwise, row_norms};

const WAYS: [&Way; 4] = [&ROWS, &TILES, &COPY, &BYTES];

/// Everything that a search tells of its numbers.
type Answer = (Vec<u64>, Vec<u32>, Vec<usize>, ExactStats);

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn answer(hits: nearfield::Result<Hits>, variants: &mut Variants) -> Result<Answer, String> {
    let hits = hits.map_err(|e| e.to_string())?;
    variants.extend(hits.stats().variants.iter().cloned());
    let distances = bits(hits.distances());
    Ok((hits.ids().to_vec(), distances, hits.lims().to_vec(), hits.stats().exact.clone()))
}

/// What a kernel gives without a search.
type Values = nearfield::Result<Vec<f32>>;

fn values(values: Values) -> Result<Vec<u32>, String> {
    values.map(|values| bits(&values)).map_err(|e| e.to_string())
}

/// The nearest, the same from all exact distances, what lies within the middle hit's distance; all distances, and the rows' norms.
#[allow(clippy::type_complexity)]
fn answers(
    gpu: &Gpu,
    case: &Case,
    metric: &Metric,
    (rows, asked): (DType, DType),
    variants: &mut Variants,
) -> Result<([Answer; 3], [Result<Vec<u32>, String>; 2]), String> {
    let index = index(gpu, case, metric, rows);
    let (base, queries) = (case.base(metric, rows), case.queries(metric, asked));
    index.add_rows(base.rows()).map_err(|e| e.to_string())?;
    let (params, queries, dim) = (params(case), queries.rows(), case.dim(metric));
    let near = answer(index.search_with(queries, case.k, &params), variants)?;
    let exhaustive = params.clone().exhaustive(true);
    let all = answer(index.search_with(queries, case.k, &exhaustive), variants)?;
    let middle = near.2.get(1).map_or(0, |end| end / 2);
    let radius = near.1.get(middle).map_or(1.0, |&bits| f32::from_bits(bits));
    let within = answer(index.range_search_with(queries, radius, &params), variants)?;
    let distances = values(pairwise(gpu, metric, queries, base.rows(), dim));
    let norms = values(row_norms(gpu, base.rows(), dim));
    Ok(([near, all, within], [distances, norms]))
}

/// One of `part` combinations, as in [`crate::sweep`].
fn compare(
    devices: &[(&Way, Gpu, Gpu)],
    metrics: &[Metric],
    part: usize,
    pairs: &[(DType, DType)],
    (counts, variants): (&mut Counts, &mut Variants),
) -> Vec<String> {
    let (mut turn, mut failures) = (0, Vec::new());
    for (number, case) in CASES.iter().enumerate() {
        for (m, metric) in metrics.iter().enumerate() {
            for (p, &pair) in pairs.iter().enumerate() {
                if !(number * 3 + m * 5 + p * 7).is_multiple_of(part) {
                    continue;
                }
                let (way, naga, dxc) = &devices[turn % devices.len()];
                turn += 1;
                *counts.entry("searches".into()).or_default() += 3;
                *counts.entry(format!("metric.{metric}")).or_default() += 1;
                let mut answers = |gpu| answers(gpu, case, metric, pair, variants);
                let (naga, dxc) = (answers(naga), answers(dxc));
                if naga.is_err() || naga != dxc {
                    let told: String = format!("{naga:?}\n  {dxc:?}").chars().take(2000).collect();
                    let what = format!("{} / {metric} / {pair:?} / {}", case.name, way.name);
                    failures.push(format!("{what}:\n  {told}"));
                }
            }
        }
    }
    failures
}

#[test]
fn searches_answer_alike_by_dxc() {
    if subset() {
        return println!("skipped: compared to DXC's kernels on one driver alone (1)");
    }
    if dxc().is_none() {
        return println!("skipped: no DXC (tests/drivers/dxc.sh) (1)");
    }
    let devices = WAYS.map(|way| {
        let builder = || way.builder().disable("coop");
        let naga = builder().build().expect("a device");
        (way, naga, dx12::open(builder()).expect("a device whose kernels come from DXC"))
    });
    let f32_queries = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
    let mixed = f32_queries.map(|rows| (rows, DType::F32));
    let same = [DType::F16, DType::Bf16, DType::I8, DType::U8].map(|d| (d, d));
    let pairs: Vec<_> = mixed.into_iter().chain(same).collect();
    let of_bits = [(DType::Bits, DType::Bits)];
    let (mut counts, mut variants) = (Counts::new(), Variants::new());
    let mut part = |metrics: &[Metric], part, pairs: &[_]| {
        compare(&devices, metrics, part, pairs, (&mut counts, &mut variants))
    };
    let mut failures = part(&float_metrics(), 41, &pairs);
    failures.extend(part(&bit_metrics(), 7, &of_bits));
    print_counts("dx12", &counts, &variants);
    println!("{} variants, {} kernels from DXC", variants.len(), dx12::translated());
    assert!(variants.len() <= dx12::translated(), "some kernels did not come from DXC");
    let shown = &failures[..failures.len().min(12)];
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), shown.join("\n"));
}
