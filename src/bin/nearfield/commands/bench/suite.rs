//! Suites: files of TOML in benches/suites, and of the user's own. benches/README.md says what stands in one.

use super::case::{Asked, Base, Case, Data, Filter, once_each};
use super::numbers::Numbers;
use crate::shell::failure::{Failure, Result};
use crate::shell::{metric, settings};
use nearfield::{DType, Error, Metric};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The suites that the program has with it, by name.
const SHIPPED: [(&str, &str); 11] = [
    ("quick", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/suites/quick.toml"))),
    ("exact", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/suites/exact.toml"))),
    ("batch", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/suites/batch.toml"))),
    ("k", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/suites/k.toml"))),
    ("n", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/suites/n.toml"))),
    ("metrics", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/suites/metrics.toml"))),
    ("range", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/suites/range.toml"))),
    ("lists", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/suites/lists.toml"))),
    ("codes", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/suites/codes.toml"))),
    ("graph", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/suites/graph.toml"))),
    ("all", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/suites/all.toml"))),
];

/// The cases of a suite: one of the program's by its name, or a file that ends in `.toml`.
pub fn open(suite: &str) -> Result<Vec<Case>> {
    if let Some(text) = shipped(suite) {
        return cases(text).map_err(|why| Failure::Work(format!("suite {suite}: {why}")));
    }
    let file = Path::new(suite);
    if file.extension().is_none_or(|extension| extension != "toml") {
        let names = SHIPPED.map(|(name, _)| name).join(", ");
        return Err(Failure::Usage(format!("--suite {suite}: known are {names}, and FILE.toml")));
    }
    let text = std::fs::read_to_string(file).map_err(|e| Error::io(file, e))?;
    cases(&text).map_err(|why| Failure::Work(format!("{suite}: {why}")))
}

/// The label of the first rows of a shipped suite that are as wanted.
#[cfg(feature = "charts")]
pub fn label(suite: &str, wanted: impl Fn(&Base) -> bool) -> Option<String> {
    let cases = cases(shipped(suite)?).ok()?;
    cases.into_iter().find(|case| wanted(&case.base))?.base.label
}

fn shipped(suite: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(name, _)| *name == suite).map(|(_, text)| *text)
}

/// A suite as its file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuiteText {
    /// Suites of the program whose cases come first.
    #[serde(default)]
    join: Vec<String>,
    #[serde(default)]
    base: Vec<BaseText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BaseText {
    n: usize,
    d: usize,
    metric: String,
    /// The same metric as a text in WGSL, which is searched by in its place.
    wgsl: Option<String>,
    #[serde(default = "f32_name")]
    dtype: String,
    label: Option<String>,
    #[serde(default)]
    settings: BTreeMap<String, BTreeMap<String, toml::Value>>,
    #[serde(default)]
    data: DataName,
    /// Of clusters, how many times the rows of an average one the longest has.
    largest: Option<f64>,
    /// How many lists the rows are put in.
    lists: Option<usize>,
    /// The index that they are put in, by FAISS's name, where that is not one of rows as they are; `IVF64,RaBitQ4 with originals` keeps them.
    index: Option<String>,
    cases: Vec<CaseText>,
}

/// How rows are made, by name.
#[derive(Clone, Copy, Default, Deserialize)]
enum DataName {
    #[default]
    #[serde(rename = "independent")]
    Independent,
    #[serde(rename = "low rank")]
    LowRank,
    #[serde(rename = "clusters")]
    Clusters,
}

/// One case, or one for each number of queries with each k and each number of lists.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseText {
    name: String,
    queries: Numbers,
    k: Numbers,
    #[serde(default)]
    filter: Filter,
    /// By a radius that is made to have about k hits.
    #[serde(default)]
    within: bool,
    /// Lists to look at.
    nprobe: Option<Numbers>,
    /// Candidates for each neighbour, where these are compared again.
    k_factor: Option<f32>,
    /// Rows that a query keeps, of a graph.
    ef: Option<Numbers>,
    /// Along the edges by the copy of the rows in 8 bits.
    #[serde(default)]
    bytes: bool,
    #[serde(default)]
    asked: Asked,
    beside: Option<String>,
}

fn f32_name() -> String {
    DType::F32.name().to_owned()
}

impl SuiteText {
    fn parse(text: &str) -> Result<SuiteText, String> {
        toml::from_str(text).map_err(|e| e.to_string())
    }

    /// The cases of its own.
    fn own(&self) -> Result<Vec<Case>, String> {
        let mut all = Vec::new();
        for base in &self.base {
            base.append_cases(&mut all)?;
        }
        Ok(all)
    }
}

impl BaseText {
    fn append_cases(&self, all: &mut Vec<Case>) -> Result<(), String> {
        let base = self.base()?;
        for text in &self.cases {
            let &CaseText { ref name, ref queries, ref k, filter, within, .. } = text;
            let &CaseText { ref nprobe, ref ef, bytes, k_factor, asked, ref beside, .. } = text;
            // The table separates its fields by commas, and does not quote them.
            if name.contains([',', '"', '\n']) {
                return Err(format!("the name {name:?} does not fit in a field of the table"));
            }
            let probes = match (nprobe, base.lists) {
                (Some(nprobe), Some(_)) => nprobe.list().iter().copied().map(Some).collect(),
                (None, None) if asked == Asked::Rows && beside.is_none() => vec![None],
                (None, Some(_)) => {
                    return Err(format!("{name}: nprobe says how many lists a query looks at"));
                }
                (_, None) => {
                    return Err(format!(
                        "{name}: nprobe, asked and beside are for rows in lists: lists = 64"
                    ));
                }
            };
            if bytes && ef.is_none() {
                return Err(format!("{name}: bytes is for searches along edges: ef = 64"));
            }
            let some = |ef: &Numbers| ef.list().iter().copied().map(Some).collect();
            let kept = ef.as_ref().map_or(vec![None], some);
            let ways = probes.iter().flat_map(|&probes| kept.iter().map(move |&ef| (probes, ef)));
            for (nprobe, ef) in ways {
                for &queries in queries.list() {
                    for &k in k.list() {
                        let (name, base, beside) = (name.clone(), base.clone(), beside.clone());
                        #[rustfmt::skip]
                        let case =
                            Case { name, base, queries, k, filter, within, nprobe, k_factor, ef, bytes, asked, beside };
                        if queries == 0
                            || k == 0
                            || case.eligible() == 0
                            || nprobe == Some(0)
                            || ef == Some(0)
                        {
                            return Err(format!("{case}: needs a query, a neighbour and a row"));
                        }
                        all.push(case);
                    }
                }
            }
        }
        Ok(())
    }

    fn base(&self) -> Result<Base, String> {
        let dtype: DType = self.dtype.parse().map_err(|e: Error| e.to_string())?;
        if !matches!(dtype, DType::F32 | DType::F16 | DType::U8 | DType::Bits) {
            return Err(format!("dtype {dtype}: rows are made of f32, f16, u8 and bits"));
        }
        if self.metric.starts_with("wgsl:") {
            let why = "the key wgsl has the text of one's own metric, and metric names the one that it is, to check answers by";
            return Err(format!("metric {:?}: {why}", self.metric));
        }
        let truth = Metric::from_name(&self.metric, dtype).map_err(|e| e.to_string())?;
        match (truth.is_binary(), dtype) {
            (true, DType::Bits) | (false, DType::F32 | DType::F16 | DType::U8) => {}
            (true, _) => return Err(format!("metric {truth} compares bits: dtype = \"bits\"")),
            (false, _) => return Err(format!("metric {truth} compares numbers, not {dtype}")),
        }
        let metric = match &self.wgsl {
            Some(text) => {
                metric::parse(text).map_err(|(line, why)| format!("wgsl:{line}: {why}"))?
            }
            None => truth.clone(),
        };
        if metric.order() != truth.order() {
            let (own, other) = (metric.order(), truth.order());
            return Err(format!("wgsl: {truth} is {other}, the text says {own}"));
        }
        let settings = self.settings.iter().flat_map(|(section, keys)| {
            let keys = keys.iter();
            keys.map(|(key, value)| (section.clone(), key.clone(), settings::text(value)))
        });
        // an index names its codes
        let label = self.label.clone().or(self.index.clone());
        let (n, d, settings) = (self.n, self.d, settings.collect());
        let (data, lists) = (self.data(dtype)?, self.lists);
        let index = self.index.clone();
        if index.as_ref().is_some_and(|index| index.contains("IVF") != lists.is_some()) {
            return Err(
                "an index of lists says how many they are twice: lists = 64, index = 'IVF64,PQ16'"
                    .into(),
            );
        }
        let coded =
            index.as_ref().filter(|index| dtype != DType::F32 && !index.starts_with("CAGRA"));
        if let Some(index) = coded.or(index.as_ref().filter(|_| self.wgsl.is_some())) {
            return Err(format!("{index}: codes are of f32, under metrics that are built in"));
        }
        let walks = self.cases.iter().any(|case| case.ef.is_some());
        Ok(Base { n, d, metric, truth, dtype, label, settings, data, lists, index, walks })
    }

    fn data(&self, dtype: DType) -> Result<Data, String> {
        if dtype == DType::Bits
            && (self.lists.is_some() || !matches!(self.data, DataName::Independent))
        {
            return Err("lists, and rows near to each other, are of numbers, not of bits".into());
        }
        let lists = self.lists.unwrap_or(1);
        if lists == 0 || lists > self.n {
            return Err(format!("{lists} lists of {} rows", self.n));
        }
        match (self.data, self.largest, self.lists) {
            (DataName::Clusters, Some(largest), Some(lists))
                if (1.0..lists as f64).contains(&largest) =>
            {
                Ok(Data::Clusters(largest))
            }
            (DataName::Clusters, ..) => {
                Err("clusters need lists, and largest: from 1 to less than as many as lists".into())
            }
            (_, Some(_), _) => Err("largest is of clusters".into()),
            (DataName::LowRank, None, _) => Ok(Data::LowRank),
            (DataName::Independent, None, _) => Ok(Data::Independent),
        }
    }
}

/// The cases in a text: those of the suites that it joins, then its own.
fn cases(text: &str) -> Result<Vec<Case>, String> {
    let suite = SuiteText::parse(text)?;
    let mut all = Vec::new();
    for name in &suite.join {
        let text = shipped(name).ok_or_else(|| format!("join: there is no suite {name:?}"))?;
        let joined = SuiteText::parse(text)?;
        if !joined.join.is_empty() {
            return Err(format!("join: {name:?} joins suites itself"));
        }
        all.extend(joined.own()?);
    }
    all.extend(suite.own()?);
    if all.is_empty() {
        return Err("no case".into());
    }
    Ok(once_each(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearfield::Profile;

    #[test]
    fn every_suite_parses_and_has_each_case_once() {
        for (name, text) in SHIPPED {
            let suite = SuiteText::parse(text).unwrap_or_else(|why| panic!("{name}: {why}"));
            let (own, all) = (suite.own().unwrap(), open(name).unwrap());
            assert!(suite.join.is_empty() || own.is_empty(), "{name}");
            for (i, case) in own.iter().enumerate() {
                assert!(!own[..i].iter().any(|other| other.same(case)), "{name}: {case} twice");
            }
            for (i, case) in all.iter().enumerate() {
                let description = case.to_string();
                assert!(all[..i].iter().all(|other| other.to_string() != description), "{case}");
                // The cases of a base follow each other.
                let seen = all[..i].iter().any(|other| other.base == case.base);
                assert!(!seen || all[i - 1].base == case.base, "{name}: {case} uploads again");
            }
        }
        assert_eq!(
            SHIPPED.map(|(name, _)| open(name).unwrap().len()),
            [14, 28, 15, 10, 8, 29, 15, 39, 67, 52, 45]
        );
    }

    #[test]
    fn every_file_of_the_folder_is_a_suite_and_every_suite_a_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/suites");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        let mut names = SHIPPED.map(|(name, _)| name);
        files.sort();
        names.sort();
        assert_eq!(files, names);
    }

    #[test]
    fn every_setting_is_a_key_of_profiles() {
        let (baseline, mut count) = (Profile::baseline().unwrap(), 0);
        for (name, _) in SHIPPED {
            for case in open(name).unwrap() {
                for (section, key, value) in &case.base.settings {
                    count += 1;
                    let known = baseline.with(&format!("{section}.{key}"), value);
                    assert!(known.is_ok(), "{name}: {}", known.unwrap_err());
                }
            }
        }
        assert!(count > 0);
    }

    #[test]
    fn lists_make_a_case_for_each_pair() {
        let text = "base = [{ n = 9, d = 2, metric = 'l1', label = 'x', settings.scan.bm = 32, \
                    cases = [{ name = 'a', queries = [1, 2], k = [3, 4], filter = 'half' }] }]";
        let cases = cases(text).unwrap();
        let shapes: Vec<_> = cases.iter().map(|case| (case.queries, case.k)).collect();
        assert_eq!(shapes, [(1, 3), (1, 4), (2, 3), (2, 4)]);
        assert_eq!(cases[3].to_string(), "a (9 x 2 f32 l1, 2 queries, k = 4, x, half filtered)");
        assert_eq!(cases[0].base.settings, [("scan".into(), "bm".into(), "32".into())]);
        assert_eq!(cases[0].eligible(), 4);
        let radius = self::cases(&text.replace("filter", "within = true, filter")).unwrap();
        assert!(radius[0].within && !radius[0].same(&cases[0]));
        assert!(radius[0].to_string().ends_with("half filtered, by radius)"));
    }

    #[test]
    fn what_is_no_suite_says_why() {
        let base = |rest: &str, case: &str| {
            format!("[[base]]\nn = 9\nd = 2\n{rest}\ncases = [{{ name = 'a', {case} }}]")
        };
        let good = "queries = 1, k = 1";
        for (text, why) in [
            ("".into(), "no case"),
            ("join = ['slow']".into(), "no suite \"slow\""),
            ("join = ['all']".into(), "\"all\" joins suites itself"),
            ("rows = 3".into(), "unknown field `rows`"),
            (base("metric = 'l3'", good), "l3"),
            (base("metric = 'wgsl:mine.wgsl'", good), "the key wgsl has the text"),
            (base("metric = 'hamming'", good), "compares bits"),
            (base("metric = 'l2'\ndtype = 'i8'", good), "dtype i8"),
            (base("metric = 'l2'\ndtype = 'bits'", good), "l2"),
            (base("metric = 'l2'\nwgsl = '// order: descending'", good), "l2 is ascending"),
            (base("metric = 'l2'\nwgsl = '// order: up'", good), "wgsl:1: \"up\" is neither"),
            (base("metric = 'l2'", "queries = 0, k = 1"), "needs a query"),
            (base("metric = 'l2'", "queries = 'ten', k = 1"), "a number or a list of numbers"),
            (base("metric = 'l2'", "queries = 1, k = 1, filter = 'third'"), "third"),
            (base("metric = 'l2'", "queries = 1, k = 1, nprobe = 1"), "lists = 64"),
            (base("metric = 'l2'", "queries = 1, k = 1, bytes = true"), "ef = 64"),
            (base("metric = 'l2'\nlists = 3", good), "nprobe says"),
            (base("metric = 'l2'\nlists = 10", "queries = 1, k = 1, nprobe = 1"), "10 lists of 9"),
            (base("metric = 'l2'\nlists = 3\ndata = 'clusters'", good), "clusters need"),
            (base("metric = 'l2'\nindex = 'IVF3,PQ2'", good), "says how many they are twice"),
            (base("metric = 'l2'\ndtype = 'u8'\nindex = 'PQ2'", good), "codes are of f32"),
            (base("metric = 'l2'\nlargest = 3", good), "largest is of clusters"),
            (base("metric = 'hamming'\ndtype = 'bits'\nlists = 3", good), "not of bits"),
            (base("metric = 'l2'", good).replace("'a'", "'a, b'"), "a field of the table"),
        ] {
            let message = cases(&text).unwrap_err();
            assert!(message.contains(why), "{text}\n{message}");
        }
    }
}
