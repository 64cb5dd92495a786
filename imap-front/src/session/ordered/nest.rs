use mail_core::work;

use crate::proto::response::Output;

/// What writing a message costs, in steps.
const STEPS_PER_MESSAGE: usize = 16;

/// Threads in their order, as THREAD shows them (RFC 5256 4).
#[derive(Default)]
pub(super) struct Nest {
    /// The roots.
    tops: Vec<u32>,
    /// For each node where its children begin in `children`; they end where the next ones begin.
    starts: Vec<u32>,
    children: Vec<u32>,
    /// For each node its message.
    messages: Vec<Option<u32>>,
}

enum Task {
    Open(u32),
    Close,
}

impl Nest {
    /// `links` are parents with their children, sorted by parent, in the order of the children; `messages` are those of the
    /// nodes.
    pub fn new(tops: Vec<u32>, links: &[(u32, u32)], messages: Vec<Option<u32>>) -> Self {
        let mut starts = vec![0u32; messages.len() + 1];
        for (parent, _) in links {
            if let Some(start) = starts.get_mut(*parent as usize + 1) {
                *start += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Self { tops, starts, children: links.iter().map(|(_, child)| *child).collect(), messages }
    }

    fn children(&self, node: u32) -> &[u32] {
        let at = |node: usize| self.starts.get(node).map_or(0, |start| *start as usize);
        self.children.get(at(node as usize)..at(node as usize + 1)).unwrap_or_default()
    }

    /// Writes the threads, however deep they are.
    pub fn write(&self, out: &mut Output, shown: impl Fn(usize) -> Option<u32>) {
        let mut tasks = Vec::new();
        for (index, top) in self.tops.iter().enumerate() {
            if index == 0 {
                out.text(" ");
            }
            tasks.push(Task::Open(*top));
            while let Some(task) = tasks.pop() {
                match task {
                    Task::Close => {
                        out.text(")");
                    }
                    Task::Open(node) => {
                        out.text("(");
                        self.write_line(node, out, &mut tasks, &shown);
                    }
                }
            }
        }
    }

    /// Writes a message and those below it up to where there are several.
    fn write_line(&self, node: u32, out: &mut Output, tasks: &mut Vec<Task>, shown: impl Fn(usize) -> Option<u32>) {
        let mut node = node;
        let mut first = true;
        loop {
            work::spend(STEPS_PER_MESSAGE);
            let message = self.messages.get(node as usize).copied().flatten();
            if let Some(number) = message.and_then(|message| shown(message as usize)) {
                if !first {
                    out.text(" ");
                }
                first = false;
                out.number(number);
            }
            match self.children(node) {
                [child] => node = *child,
                children => {
                    if !children.is_empty() && !first {
                        out.text(" ");
                    }
                    tasks.push(Task::Close);
                    tasks.extend(children.iter().rev().map(|child| Task::Open(*child)));
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(nest: &Nest) -> String {
        let mut out = Output::default();
        nest.write(&mut out, |message| u32::try_from(message).ok());
        let mut all = Vec::new();
        while let Some(piece) = out.take() {
            all.extend_from_slice(&piece);
        }
        String::from_utf8(all).unwrap()
    }

    /// The example of RFC 5256 4.
    #[test]
    fn known_answer() {
        let messages = (0..100).map(|node| (node > 0).then_some(node)).collect();
        let mut links = vec![(3, 6), (6, 4), (4, 23), (6, 44), (44, 7), (7, 96)];
        links.sort_by_key(|(parent, _)| *parent);
        assert_eq!(written(&Nest::new(vec![2, 3], &links, messages)), " (2)(3 6 (4 23)(44 7 96))");
        let messages = vec![None, Some(3), Some(5)];
        assert_eq!(written(&Nest::new(vec![0], &[(0, 1), (0, 2)], messages)), " ((3)(5))");
        assert_eq!(written(&Nest::default()), "");
    }

    #[test]
    fn depth_is_no_matter() {
        const DEPTH: u32 = 200_000;
        // Each has the next below it, and another one.
        let links: Vec<_> = (1..DEPTH).flat_map(|node| [(node, node + 1), (node, DEPTH + node)]).collect();
        let messages = (0..2 * DEPTH).map(Some).collect();
        let nested = written(&Nest::new(vec![1], &links, messages));
        let count = |bracket: char| nested.matches(bracket).count();
        assert_eq!((count('('), count(')')), (2 * DEPTH as usize - 1, 2 * DEPTH as usize - 1));
    }
}
