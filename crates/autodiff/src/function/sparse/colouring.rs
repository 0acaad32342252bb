//! Colourings: which columns of a sparse matrix can share a product, so that each entry can still be read from one.

use smallvec::SmallVec;

use super::pattern::SparsityPattern;

/// A colour for each column (or row), and how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Colouring {
    pub colours: Vec<u32>,
    pub count: usize,
}

/// Colours the columns so that no two of one colour have an entry in the same row (Curtis, Powell and Reid 1974): each
/// entry is then alone in its row of one product. Greedy partial distance-2 colouring (Gebremedhin, Manne and Pothen
/// 2005, Algorithm 3.2), by decreasing length of the columns or in their natural order, whichever needs fewer colours.
///
/// Complexity: the sum of the squares of the rows' lengths.
pub(crate) fn columns(pattern: &SparsityPattern) -> Colouring {
    let rows = pattern.transposed();
    let colour = |order: &[u32]| {
        let mut colours = vec![NONE; pattern.cols()];
        let mut forbidden: Vec<u32> = Vec::new();
        for &j in order {
            for &i in pattern.column(j as usize) {
                for &other in rows.column(i) {
                    forbid(&mut forbidden, colours[other], j);
                }
            }
            colours[j as usize] = first_allowed(&forbidden, j);
        }
        colours
    };
    best(pattern, colour)
}

/// Star colouring of the graph of a symmetric matrix: neighbours differ, and any path of four vertices has at least three
/// colours (Coleman and Moré 1984). Each entry is then alone in its row of one product, or its mirror image is, and so is
/// read from it without any arithmetic: its bits are those of the product.
///
/// Greedy as in Gebremedhin, Tarafdar, Manne and Pothen (2007), Algorithm 4.1, by decreasing degree or in natural order,
/// whichever needs fewer colours. The two-coloured stars are not stored edge by edge: a vertex keeps the colours around
/// it, and of which of them the vertex is a star's hub.
///
/// Complexity: the number of entries times the number of colours.
pub(crate) fn star(pattern: &SparsityPattern) -> Colouring {
    let n = pattern.cols();
    if 2 * pattern.nnz() > n * n {
        // Nearly dense: nothing is gained.
        return Colouring { colours: (0..n as u32).collect(), count: n };
    }
    best(pattern, |order| Stars::new(pattern).colour(order))
}

const NONE: u32 = u32::MAX;

/// The better of two greedy colourings: by decreasing length of columns, and in natural order.
fn best(pattern: &SparsityPattern, colour: impl Fn(&[u32]) -> Vec<u32>) -> Colouring {
    let natural: Vec<u32> = (0..pattern.cols() as u32).collect();
    let mut largest_first = natural.clone();
    largest_first.sort_by_key(|&j| std::cmp::Reverse(pattern.column(j as usize).len()));
    let counted = |colours: Vec<u32>| {
        let count = colours.iter().max().map_or(0, |&last| last as usize + 1);
        Colouring { colours, count }
    };
    let by_length = counted(colour(&largest_first));
    let by_number = counted(colour(&natural));
    if by_number.count <= by_length.count { by_number } else { by_length }
}

/// Marks a colour as not to be given to vertex `v`.
fn forbid(forbidden: &mut Vec<u32>, colour: u32, v: u32) {
    if colour == NONE {
        return;
    }
    if forbidden.len() <= colour as usize {
        forbidden.resize(colour as usize + 1, NONE);
    }
    forbidden[colour as usize] = v;
}

/// The first colour that is not forbidden to `v`.
fn first_allowed(forbidden: &[u32], v: u32) -> u32 {
    forbidden.iter().position(|&by| by != v).unwrap_or(forbidden.len()) as u32
}

/// A star colouring while it grows.
///
/// Edges between vertices of two colours make up stars; the hub of one with two or more edges is the vertex common to
/// them.
struct Stars<'a> {
    graph: &'a SparsityPattern,
    colours: Vec<u32>,
    /// For each vertex the colours around it, with one neighbour of each and whether there are more.
    around: Vec<SmallVec<[Around; 3]>>,
    /// For each vertex the colours of those neighbours that are hubs of a star to which it belongs.
    hubs: Vec<SmallVec<[u32; 4]>>,
}

#[derive(Clone, Copy)]
struct Around {
    colour: u32,
    neighbour: u32,
    several: bool,
}

impl<'a> Stars<'a> {
    fn new(graph: &'a SparsityPattern) -> Self {
        let n = graph.cols();
        Self {
            graph,
            colours: vec![NONE; n],
            around: vec![SmallVec::new(); n],
            hubs: vec![SmallVec::new(); n],
        }
    }

    fn colour(mut self, order: &[u32]) -> Vec<u32> {
        let mut forbidden = Vec::new();
        // By colour, the vertex last found to have a neighbour of that colour, and the neighbour.
        let mut met: Vec<(u32, u32)> = Vec::new();
        for &v in order {
            for (w, colour) in self.coloured_neighbours(v) {
                forbid(&mut forbidden, colour, v);
                if met.len() <= colour as usize {
                    met.resize(colour as usize + 1, (NONE, NONE));
                }
                let (by, first) = met[colour as usize];
                if by == v {
                    // Two neighbours of one colour: `v` will be their hub, so nothing around them may have its colour.
                    for of_star in [first, w] {
                        for around in &self.around[of_star as usize] {
                            forbid(&mut forbidden, around.colour, v);
                        }
                    }
                } else {
                    met[colour as usize] = (v, w);
                    // A hub next to `w` has another neighbour of the colour of `w`.
                    for &hub in &self.hubs[w as usize] {
                        forbid(&mut forbidden, hub, v);
                    }
                }
            }
            self.give(v, first_allowed(&forbidden, v));
        }
        self.colours
    }

    fn coloured_neighbours(&self, v: u32) -> impl Iterator<Item = (u32, u32)> {
        let colours = &self.colours;
        let neighbours = self.graph.column(v as usize).iter().filter(move |&&w| w as u32 != v);
        neighbours.map(move |&w| (w as u32, colours[w])).filter(|&(_, colour)| colour != NONE)
    }

    /// Gives `v` its colour and notes the stars that its edges join.
    fn give(&mut self, v: u32, colour: u32) {
        let neighbours: SmallVec<[(u32, u32); 8]> = self.coloured_neighbours(v).collect();
        self.colours[v as usize] = colour;
        for (w, its_colour) in neighbours {
            self.join(w, its_colour, v, colour);
            self.join(v, colour, w, its_colour);
        }
    }

    /// Notes that `hub` has neighbour `v`; if it has another of that colour already, it is indeed their hub.
    fn join(&mut self, hub: u32, hub_colour: u32, v: u32, colour: u32) {
        let around = &mut self.around[hub as usize];
        match around.iter_mut().find(|around| around.colour == colour) {
            None => around.push(Around { colour, neighbour: v, several: false }),
            Some(known) => {
                self.hubs[v as usize].push(hub_colour);
                if !std::mem::replace(&mut known.several, true) {
                    self.hubs[known.neighbour as usize].push(hub_colour);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, vertex by vertex: neighbours differ, and no path of four has two colours.
    fn is_star(graph: &SparsityPattern, colours: &[u32]) -> bool {
        let next = |v: usize| graph.column(v).iter().copied().filter(move |&w| w != v);
        (0..graph.cols()).all(|a| {
            next(a).all(|b| {
                colours[a] != colours[b]
                    && next(b).filter(|&c| c != a && colours[c] == colours[a]).all(|c| {
                        next(c).filter(|&d| d != b && d != a).all(|d| colours[d] != colours[b])
                    })
            })
        })
    }

    fn symmetric(n: usize, edges: &[(usize, usize)]) -> SparsityPattern {
        let both = edges.iter().flat_map(|&(a, b)| [(a % n, b % n), (b % n, a % n)]);
        let diagonal = (0..n).map(|i| (i, i));
        SparsityPattern::from_entries(n, n, both.chain(diagonal)).expect("within")
    }

    #[test]
    fn known_graphs_need_as_many_colours_as_they_must() {
        let n = 20;
        let path: Vec<_> = (1..n).map(|i| (i - 1, i)).collect();
        let arrow: Vec<_> = (1..n).map(|i| (0, i)).collect();
        let grid: Vec<_> = (0..400)
            .flat_map(|i| [(i % 20 < 19).then_some((i, i + 1)), (i < 380).then_some((i, i + 20))])
            .flatten()
            .collect();
        let count = |n, edges: &[_]| {
            let graph = symmetric(n, edges);
            let colouring = star(&graph);
            assert!(is_star(&graph, &colouring.colours));
            colouring.count
        };
        assert_eq!([count(n, &path), count(n, &arrow), count(n, &[])], [3, 2, 1]);
        // The star chromatic number of a grid is 5 (Fertin, Raspaud and Reed 2004).
        let colours = count(400, &grid);
        assert!((5..=7).contains(&colours), "{colours}");
    }

    proptest! {
        #[test]
        fn colourings_are_what_they_say(
            n in 1..16_usize,
            edges in prop::collection::vec((0..16_usize, 0..16_usize), 0..30),
        ) {
            let graph = symmetric(n, &edges);
            let all: Vec<u32> = (0..n as u32).collect();
            prop_assert!(is_star(&graph, &Stars::new(&graph).colour(&all)));
            prop_assert!(is_star(&graph, &star(&graph).colours));
            let entries = edges.iter().map(|&(a, b)| (a, b % n));
            let any = SparsityPattern::from_entries(16, n, entries).expect("within");
            let Colouring { colours, count } = columns(&any);
            prop_assert!(colours.iter().all(|&colour| (colour as usize) < count));
            for row in 0..16 {
                let mut met = vec![false; count];
                for j in (0..n).filter(|&j| any.contains(row, j)) {
                    prop_assert!(!std::mem::replace(&mut met[colours[j] as usize], true));
                }
            }
        }
    }
}
