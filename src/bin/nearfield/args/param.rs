//! What a search may be told by name.

use nearfield::{
    GraphParams, GraphPath, GraphTraversal, Guarantee, IvfParams, RefineParams, SearchParams,
};
use std::str::FromStr;

/// Sets one parameter from its text, unless the text is none of its values, which it then names.
type Set = fn(&mut SearchParams, &str) -> Result<(), &'static str>;

/// Every parameter that an index here knows.
const KNOWN: [(&str, Set); 12] = [
    ("certify", |params, text| {
        params.certify = switch(text)?;
        Ok(())
    }),
    ("ef", kept),
    // by FAISS's name
    ("efSearch", kept),
    ("exhaustive", |params, text| {
        params.exhaustive = switch(text)?;
        Ok(())
    }),
    ("fill", |params, text| {
        params.ivf = Some(lists(params).fill(switch(text)?));
        Ok(())
    }),
    ("guarantee", |params, text| {
        params.guarantee = match text {
            "index" => Guarantee::Index,
            "exact" => Guarantee::Exact,
            _ => return Err("index or exact"),
        };
        Ok(())
    }),
    ("k_factor", times),
    // by FAISS's name in ParameterSpace
    ("k_factor_rf", times),
    ("nprobe", |params, text| {
        let nprobe = text.parse().ok().filter(|&lists: &usize| lists > 0);
        let nprobe = nprobe.ok_or("a number of lists, 1 or more")?;
        params.ivf = Some(lists(params).nprobe(nprobe));
        Ok(())
    }),
    ("path", |params, text| {
        let path = match text {
            "auto" => GraphPath::Auto,
            "graph" => GraphPath::Graph,
            "exact" => GraphPath::Exact,
            _ => return Err("auto, graph or exact"),
        };
        params.graph = Some(graph(params).path(path));
        Ok(())
    }),
    ("prove", |params, text| {
        params.ivf = Some(lists(params).prove(switch(text)?));
        Ok(())
    }),
    ("traversal", |params, text| {
        let traversal = match text {
            "rows" => GraphTraversal::Rows,
            "bytes" => GraphTraversal::Bytes,
            _ => return Err("rows or bytes"),
        };
        params.graph = Some(graph(params).traversal(traversal));
        Ok(())
    }),
];

/// What lists are told so far.
fn lists(params: &SearchParams) -> IvfParams {
    params.ivf.clone().unwrap_or_default()
}

/// What a graph is told so far.
fn graph(params: &SearchParams) -> GraphParams {
    params.graph.clone().unwrap_or_default()
}

/// How many of the best rows a query keeps.
fn kept(params: &mut SearchParams, text: &str) -> Result<(), &'static str> {
    let ef = text.parse().ok().filter(|&ef: &usize| ef > 0).ok_or("a number of rows, 1 or more")?;
    params.graph = Some(graph(params).ef(ef));
    Ok(())
}

/// How many candidates are compared again for each neighbour.
fn times(params: &mut SearchParams, text: &str) -> Result<(), &'static str> {
    let factor = text.parse().ok().filter(|times: &f32| *times >= 1.0 && times.is_finite());
    let factor = factor.ok_or("a number of candidates for each neighbour, 1 or more")?;
    params.refine = Some(RefineParams::new().k_factor(factor));
    Ok(())
}

fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err("0 or 1"),
    }
}

/// `NAME=VALUE`, known to be a parameter and one of its values.
#[derive(Clone, Debug)]
pub struct Param {
    pub name: &'static str,
    value: String,
    set: Set,
}

impl Param {
    pub fn apply(&self, params: &mut SearchParams) {
        // The text was found to be a value when it was read.
        let _ = (self.set)(params, &self.value);
    }
}

impl FromStr for Param {
    type Err = String;

    fn from_str(text: &str) -> Result<Param, String> {
        let names = || KNOWN.map(|(name, _)| name).join(", ");
        let Some((name, value)) = text.split_once('=') else {
            return Err(format!("no NAME=VALUE; the names are {}", names()));
        };
        let (name, value) = (name.trim(), value.trim());
        let Some(&(known, set)) = KNOWN.iter().find(|(known, _)| *known == name) else {
            return Err(format!("{name:?} is none of {}", names()));
        };
        set(&mut SearchParams::new(), value)
            .map_err(|values| format!("{name} is {values}, not {value:?}"))?;
        Ok(Param { name: known, value: value.to_owned(), set })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_names_and_values() {
        let mut params = SearchParams::new();
        for text in ["certify=0", "exhaustive = true", "guarantee=exact"] {
            text.parse::<Param>().unwrap().apply(&mut params);
        }
        assert!(!params.certify && params.exhaustive && params.guarantee == Guarantee::Exact);
        "certify=1".parse::<Param>().unwrap().apply(&mut params);
        assert!(params.certify && params.ivf.is_none());
        "nprobe=32".parse::<Param>().unwrap().apply(&mut params);
        assert_eq!(params.ivf, Some(IvfParams::new().nprobe(32)));
        for text in ["fill=1", "prove=1"] {
            text.parse::<Param>().unwrap().apply(&mut params);
        }
        assert_eq!(params.ivf, Some(IvfParams::new().nprobe(32).fill(true).prove(true)));
        for text in ["efSearch=96", "path=graph", "traversal=bytes"] {
            text.parse::<Param>().unwrap().apply(&mut params);
        }
        let walked =
            GraphParams::new().ef(96).path(GraphPath::Graph).traversal(GraphTraversal::Bytes);
        assert_eq!(params.graph, Some(walked));
        for (text, times) in [("k_factor=4", 4.0), ("k_factor_rf=2.5", 2.5)] {
            text.parse::<Param>().unwrap().apply(&mut params);
            assert_eq!(params.refine, Some(RefineParams::new().k_factor(times)));
        }
    }

    #[test]
    fn what_is_none_names_those_that_are() {
        for (text, expected) in [
            (
                "itopk=8",
                "\"itopk\" is none of certify, ef, efSearch, exhaustive, fill, guarantee, k_factor, k_factor_rf, nprobe, path, prove, traversal",
            ),
            ("k_factor=0.5", "k_factor is a number of candidates for each neighbour, 1 or more"),
            ("k_factor_rf=inf", "k_factor_rf is a number of candidates"),
            ("nprobe=0", "nprobe is a number of lists, 1 or more, not \"0\""),
            ("nprobe=-1", "nprobe is a number of lists"),
            ("efSearch=0", "efSearch is a number of rows, 1 or more, not \"0\""),
            ("path=both", "path is auto, graph or exact"),
            ("traversal=bits", "traversal is rows or bytes"),
            ("certify", "no NAME=VALUE"),
            ("", "no NAME=VALUE"),
            ("certify=maybe", "certify is 0 or 1"),
            ("guarantee=", "guarantee is index or exact"),
        ] {
            let why = text.parse::<Param>().unwrap_err();
            assert!(why.contains(expected), "{text}: {why}");
        }
    }
}
