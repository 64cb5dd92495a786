/// Trees to which links from child to parent are added and taken away, and of which it is known without going from each node
/// to the next whether a link would close a circle: link-cut trees (Sleator and Tarjan 1983). Nodes count from 1; 0 is none.
#[derive(Default)]
pub(super) struct Forest {
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Default)]
struct Node {
    parent: u32,
    // The splay tree of the path that the node is on.
    up: u32,
    left: u32,
    right: u32,
}

impl Forest {
    /// Another node.
    pub fn add(&mut self) -> u32 {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        self.nodes.push(Node::default());
        u32::try_from(self.nodes.len() - 1).unwrap_or_default()
    }

    /// The highest node.
    pub fn len(&self) -> u32 {
        u32::try_from(self.nodes.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    pub fn parent(&self, node: u32) -> u32 {
        self.at(node).parent
    }

    /// Makes a node the parent of one that has none, unless that would close a circle.
    pub fn link(&mut self, parent: u32, child: u32) {
        if parent == child || self.parent(child) != 0 || self.root(parent) == child {
            return;
        }
        self.access(child);
        self.access(parent);
        self.change(child, |it| it.up = parent);
        self.change(child, |it| it.parent = parent);
    }

    /// Takes a node from its parent.
    pub fn cut(&mut self, child: u32) {
        if self.parent(child) == 0 {
            return;
        }
        self.access(child);
        let above = self.at(child).left;
        self.change(above, |it| it.up = 0);
        self.change(child, |it| (it.left, it.parent) = (0, 0));
    }

    fn root(&mut self, node: u32) -> u32 {
        self.access(node);
        let mut root = node;
        while self.at(root).left != 0 {
            root = self.at(root).left;
        }
        self.splay(root);
        root
    }

    fn at(&self, node: u32) -> Node {
        self.nodes.get(node as usize).copied().unwrap_or_default()
    }

    fn change(&mut self, node: u32, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            change(node);
        }
    }

    /// Puts the path from the root to a node into one splay tree, with the node on top.
    fn access(&mut self, node: u32) {
        self.splay(node);
        self.change(node, |it| it.right = 0);
        while self.at(node).up != 0 {
            let above = self.at(node).up;
            self.splay(above);
            self.change(above, |it| it.right = node);
            self.splay(node);
        }
    }

    fn is_top(&self, node: u32) -> bool {
        let up = self.at(self.at(node).up);
        self.at(node).up == 0 || (up.left != node && up.right != node)
    }

    fn splay(&mut self, node: u32) {
        while !self.is_top(node) {
            let up = self.at(node).up;
            if !self.is_top(up) {
                let above = self.at(up).up;
                let same = (self.at(above).left == up) == (self.at(up).left == node);
                self.rotate(if same { up } else { node });
            }
            self.rotate(node);
        }
    }

    fn rotate(&mut self, node: u32) {
        let up = self.at(node).up;
        let above = self.at(up).up;
        let was_top = self.is_top(up);
        let between;
        if self.at(up).left == node {
            between = self.at(node).right;
            self.change(up, |it| it.left = between);
            self.change(node, |it| it.right = up);
        } else {
            between = self.at(node).left;
            self.change(up, |it| it.right = between);
            self.change(node, |it| it.left = up);
        }
        if between != 0 {
            self.change(between, |it| it.up = up);
        }
        if !was_top {
            if self.at(above).left == up {
                self.change(above, |it| it.left = node);
            } else {
                self.change(above, |it| it.right = node);
            }
        }
        self.change(up, |it| it.up = node);
        self.change(node, |it| it.up = above);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_chain_takes_no_long_time() {
        let mut forest = Forest::default();
        let nodes: Vec<u32> = (0..200_000).map(|_| forest.add()).collect();
        for pair in nodes.windows(2) {
            forest.link(pair[0], pair[1]);
        }
        // Each would close a circle.
        for node in &nodes {
            forest.link(*node, nodes[0]);
        }
        assert_eq!(forest.parent(nodes[0]), 0);
        assert!(nodes.windows(2).all(|pair| forest.parent(pair[1]) == pair[0]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn as_going_from_node_to_node(steps in proptest::collection::vec((1u32..12, 1u32..12, any::<bool>()), 0..200)) {
            let mut forest = Forest::default();
            for _ in 1..12 {
                forest.add();
            }
            let mut parents = [0u32; 12];
            for (one, other, link) in steps {
                if link {
                    forest.link(one, other);
                    let mut above = one;
                    while above != 0 && above != other {
                        above = parents[above as usize];
                    }
                    if above == 0 && parents[other as usize] == 0 {
                        parents[other as usize] = one;
                    }
                } else {
                    forest.cut(one);
                    parents[one as usize] = 0;
                }
                for node in 1..12u32 {
                    prop_assert_eq!(forest.parent(node), parents[node as usize]);
                }
            }
        }
    }
}
