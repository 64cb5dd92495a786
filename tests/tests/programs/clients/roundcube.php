<?php
// Roundcube's IMAP class against the gateway: what web mail asks for when it lists, sorts, threads, searches and changes a
// folder. Its arguments: the directory of the class, host, port, user, password.

[, $library, $host, $port, $user, $password] = $argv;

// What of Roundcube's framework the class leans on.
function array_first($array)
{
    return count($array) ? reset($array) : null;
}

class rcube_utils
{
    public static function strtotime($date)
    {
        return strtotime(preg_replace('/\s*\([^)]*\)\s*$/', '', trim($date)));
    }
}

foreach (['rcube_message_header', 'rcube_result_index', 'rcube_result_thread', 'rcube_imap_generic'] as $class) {
    require "$library/$class.php";
}

function same($what, $got, $expected)
{
    if ($got !== $expected) {
        fwrite(STDERR, "$what:\n  got      " . json_encode($got) . "\n  expected " . json_encode($expected) . "\n");
        exit(1);
    }
}

function client($host, $port, $user, $password)
{
    $imap = new rcube_imap_generic();
    $imap->setDebug(true, function ($imap, $line) { fwrite(STDERR, "$line\n"); });
    if (!$imap->connect($host, $user, $password, ['port' => $port, 'ssl_mode' => null, 'timeout' => 60, 'auth_type' => 'CHECK'])) {
        fwrite(STDERR, "login: $imap->error\n");
        exit(1);
    }
    return $imap;
}

$imap = client($host, $port, $user, $password);
foreach (['SORT', 'THREAD', 'ESEARCH', 'SORT=DISPLAY', 'QRESYNC', 'STATUS', 'QUOTA', 'BINARY'] as $name) {
    same("capability $name", (bool) $imap->getCapability($name), true);
}

// What it writes comes back as it was written.
same('create', $imap->createFolder('Web'), true);
same('subscribe', $imap->subscribe('Web'), true);
$dates = [];
$sizes = [];
$uids = [];
$write = function ($subject, $from, $date, $fields, $text) use ($imap, &$dates, &$sizes, &$uids) {
    $message = "From: $from\r\nTo: bob@example.test\r\nSubject: $subject\r\nDate: " . date('r', $date) . "\r\n$fields"
        . "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n$text\r\n";
    $uid = (int) $imap->append('Web', $message, ['SEEN'], date('d-M-Y H:i:s O', $date), true);
    same("append $subject", $uid > 0, true);
    $dates[$uid] = $date;
    $sizes[$uid] = strlen($message);
    $uids[] = $uid;
    return $uid;
};
$day = 86400;
$begin = 1_700_000_000;
// So that no UID is a sequence number.
$first = $write('first', 'a@example.test', $begin, '', 'goes at once');
same('flag the first', $imap->flag('Web', [$first], 'DELETED'), true);
same('expunge the first', $imap->expunge('Web', [$first]), true);
$uids = $dates = $sizes = [];
$pear = $write('pear', 'Zoe <aaa@example.test>', $begin + 3 * $day, "Message-ID: <1@web>\r\n", 'about pears');
$apple = $write('Apple', 'Adam <zzz@example.test>', $begin + 5 * $day, "Message-ID: <2@web>\r\n", str_repeat('long ', 500));
$re = $write('Re: pear', 'bob@example.test', $begin + 4 * $day, "Message-ID: <3@web>\r\nIn-Reply-To: <1@web>\r\nReferences: <1@web>\r\n", 'an answer');
$again = $write('Re: pear', 'Mia <mia@example.test>', $begin + 6 * $day, "Message-ID: <4@web>\r\nIn-Reply-To: <3@web>\r\nReferences: <1@web> <3@web>\r\n", "a sentence with \u{fc}mlauts");
$fig = $write('fig', 'Mia <mia@example.test>', $begin + 1 * $day, "Message-ID: <5@web>\r\n", 'nothing');

$status = $imap->status('Web', ['UIDNEXT', 'UNSEEN', 'SIZE']);
same('status', [(int) $status['MESSAGES'], (int) $status['UNSEEN'], (int) $status['UIDNEXT']], [5, 0, $fig + 1]);
same('its size is no less than what is in it', (int) $status['SIZE'] >= array_sum($sizes), true);

// SORT
$sort = function ($field, $criteria = '') use ($imap) { return array_map('intval', $imap->sort('Web', $field, $criteria, true, 'UTF-8')->get()); };
same('by date', $sort('DATE'), [$fig, $pear, $re, $apple, $again]);
same('by arrival', $sort('ARRIVAL'), [$fig, $pear, $re, $apple, $again]);
same('by subject', $sort('SUBJECT'), [$apple, $fig, $pear, $re, $again]);
same('by who sent it, as shown', $sort('FROM'), [$apple, $re, $again, $fig, $pear]);
$sorted = $uids;
usort($sorted, function ($a, $b) use ($sizes) { return $sizes[$a] <=> $sizes[$b]; });
same('by size', $sort('SIZE'), $sorted);
same('by date, of those that match', $sort('DATE', 'FROM mia'), [$fig, $again]);

// THREAD
foreach (['REFS', 'REFERENCES'] as $algorithm) {
    $threads = $imap->thread('Web', $algorithm, '', true, 'UTF-8');
    same("$algorithm: roots", $threads->count(), 3);
    same("$algorithm: messages", $threads->count_messages(), 5);
    $tree = $threads->get_tree();
    same("$algorithm: pear", json_encode($tree[$pear] ?? null), json_encode([$re => [$again => []]]));
}
same('ORDEREDSUBJECT: roots', $imap->thread('Web', 'ORDEREDSUBJECT', '', true, 'UTF-8')->count(), 3);

// SEARCH
$search = function ($criteria) use ($imap) {
    $found = array_map('intval', $imap->search('Web', $criteria, true)->get());
    sort($found);
    return $found;
};
same('by subject', $search('SUBJECT pear'), [$pear, $re, $again]);
same('by body', $search('BODY pears'), [$pear]);
$word = "\u{fc}mlauts";
same('in UTF-8', $search('CHARSET UTF-8 TEXT {' . strlen($word) . "+}\r\n" . $word), [$again]);
same('by header', $search('HEADER MESSAGE-ID <2@web>'), [$apple]);
same('what none has', $search('SUBJECT melon'), []);
$bounds = $imap->search('Web', 'ALL', true, ['COUNT', 'MIN', 'MAX']);
same('count, min, max', [(int) $bounds->count(), (int) $bounds->min(), (int) $bounds->max()], [5, $pear, $fig]);

// FETCH
$headers = $imap->fetchHeaders('Web', $uids, true, true);
same('listed', count($headers), count($uids));
foreach ($headers as $number => $header) {
    $uid = (int) $header->uid;
    same("UID of $number", $uid, $uids[$number - 1]);
    same("size of $uid", (int) $header->size, $sizes[$uid]);
    same("date of $uid", (int) $header->timestamp, $dates[$uid]);
    same("type of $uid", strtolower($header->ctype), 'text/plain');
    same("seen $uid", isset($header->flags['SEEN']), true);
}
same('a part as text', trim($imap->handlePartBody('Web', $again, true, '1', '8bit')), "a sentence with $word");

// What another session changes is seen by the next SELECT with QRESYNC, and nothing else is told.
same('QRESYNC', $imap->enable('QRESYNC') !== false, true);
same('select', $imap->select('Web'), true);
$before = ['validity' => $imap->data['UIDVALIDITY'], 'modseq' => $imap->data['HIGHESTMODSEQ']];
$other = client($host, $port, $user, $password);
same('flag', $other->flag('Web', [$pear], 'FLAGGED'), true);
same('delete', $other->flag('Web', [$fig], 'DELETED'), true);
same('expunge', $other->expunge('Web', [$fig]), true);
same('move', $other->move([$apple], 'Web', 'INBOX'), true);
$imap->close();
same('select again', $imap->select('Web', [$before['validity'], $before['modseq'], implode(',', $uids)]), true);
$vanished = rcube_imap_generic::uncompressMessageSet($imap->data['VANISHED']);
sort($vanished);
same('gone', array_map('intval', $vanished), [$apple, $fig]);
same('changed', array_map('intval', array_keys($imap->data['QRESYNC'] ?? [])), [$pear]);

$quota = $imap->getQuota('INBOX');
same('quota', is_array($quota), true);
same('clear', $imap->clearFolder('Web'), true);
same('delete folder', $imap->deleteFolder('Web'), true);
$imap->closeConnection();
$other->closeConnection();
