// What the test does in Thunderbird, in its main window and by its own modules. `actions[name](argument)` is called; what a
// promise comes to must be JSON.

const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");

const win = Services.wm.getMostRecentWindow("mail:3pane");
const Flags = Ci.nsMsgFolderFlags;

/** Asks until there is something. */
async function until(what, ask, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await ask();
    if (found) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(`not within ${seconds} s: ${what}`);
    }
    await new Promise(resolve => win.setTimeout(resolve, 25));
  }
}

function account() {
  return MailServices.accounts.accounts.find(account => account.incomingServer.type == "imap");
}

function root() {
  return account().incomingServer.rootFolder;
}

function onlineName(folder) {
  return folder.QueryInterface(Ci.nsIMsgImapMailFolder).onlineName;
}

/** A folder by its name on the server. */
function folder(name) {
  const found = root().descendants.find(folder => onlineName(folder) == name);
  if (!found) {
    throw new Error(`no folder ${name} among ${root().descendants.map(onlineName).join(", ")}`);
  }
  return found;
}

function header({ folder: name, uid }) {
  const found = folder(name).msgDatabase.getMsgHdrForKey(uid);
  if (!found) {
    throw new Error(`no message ${uid} in ${name}`);
  }
  return found;
}

/** Starts something that tells a listener of its end, and waits for that. */
function finished(what, start) {
  return new Promise((resolve, reject) => {
    const end = status =>
      Components.isSuccessCode(status) ? resolve() : reject(new Error(`${what}: 0x${status.toString(16)}`));
    start({
      QueryInterface: ChromeUtils.generateQI(["nsIUrlListener", "nsIMsgCopyServiceListener"]),
      OnStartRunningUrl() {},
      OnStopRunningUrl: (url, status) => end(status),
      onStartCopy() {},
      onProgress() {},
      setMessageKey() {},
      getMessageId: () => null,
      onStopCopy: end,
    });
  });
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, byte => byte.toString(16).padStart(2, "0")).join("");
}

/** The window in which a message is written. */
function composer() {
  return Services.wm.getMostRecentWindow("msgcompose");
}

const actions = {
  /** From now on says yes to questions, and notes everything else that is told to the user. */
  watch() {
    const alerts = (win.gatewayAlerts = []);
    MailServices.mailSession.addUserFeedbackListener({
      QueryInterface: ChromeUtils.generateQI(["nsIMsgUserFeedbackListener"]),
      onAlert(message) {
        alerts.push(message);
        return true;
      },
      onCertError(info, url) {
        alerts.push(`certificate error at ${url?.spec}`);
      },
    });
    Services.obs.addObserver(dialog => {
      const { promptType, title, text } = dialog.Dialog?.args ?? {};
      if (!promptType?.startsWith("confirm")) {
        alerts.push(`${title}: ${text}`);
      }
      dialog.Dialog?.ui.button0.click();
    }, "common-dialog-loaded");
  },

  alerts: () => win.gatewayAlerts,

  /** As a user does who looks at an unknown certificate and adds an exception for it. */
  trust({ host, ports, certificate }) {
    const database = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
    const overrides = Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
    for (const port of ports) {
      overrides.rememberValidityOverride(host, port, {}, database.constructX509FromBase64(certificate), false);
    }
  },

  /** What the account setup does once the servers are known. */
  async createAccount({ host, imap, smtp, user, password, name }) {
    const { AccountConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/AccountConfig.sys.mjs");
    const { CreateInBackend } = ChromeUtils.importESModule("resource:///modules/accountcreation/CreateInBackend.sys.mjs");
    const config = new AccountConfig();
    const login = { hostname: host, username: user, password, auth: Ci.nsMsgAuthMethod.passwordCleartext };
    Object.assign(config.incoming, login, { type: "imap", port: imap, socketType: Ci.nsMsgSocketType.SSL });
    Object.assign(config.outgoing, login, { type: "smtp", port: smtp, socketType: Ci.nsMsgSocketType.alwaysSTARTTLS });
    config.identity = { realname: name, emailAddress: user };
    config.rememberPassword = true;
    config.displayName = name;
    const account = await CreateInBackend.createAccountInBackend(config);
    win.postMessage("account-created-in-backend", "*");
    // Folders are downloaded when the user has looked elsewhere for five seconds. If he did so before there were any, he has
    // to come back first.
    const { appIdleManager } = ChromeUtils.importESModule("resource:///modules/AppIdleManager.sys.mjs");
    Cc["@mozilla.org/widget/useridleservice;1"].getService(Ci.nsIUserIdleServiceInternal).resetIdleTimeOut(0);
    Services.obs.notifyObservers(null, "mail:appIdle", "back");
    appIdleManager.onBlur();
    const server = account.incomingServer;
    server.getNewMessages(server.rootFolder, win.msgWindow, null);
  },

  /** Every folder: its name on the server, what it is used for, and whether its messages are downloaded unasked. */
  folders: () =>
    root().descendants.map(folder => ({
      name: onlineName(folder),
      uses: ["Inbox", "Drafts", "SentMail", "Trash", "Junk", "Archive"].filter(use => folder.getFlag(Flags[use])),
      offline: folder.getFlag(Flags.Offline),
    })),

  /** Selects a folder in the folder pane, which looks for new messages, and waits until it is shown. */
  async open({ folder: name }) {
    const wanted = folder(name);
    const pane = win.document.getElementById("tabmail").currentAbout3Pane;
    await until(`${name} in the folder pane`, () => pane.folderPane.getRowForFolder(wanted.URI));
    if (pane.gFolder == wanted) {
      await finished("update", listener =>
        wanted.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(win.msgWindow, listener)
      );
      return;
    }
    pane.displayFolder(wanted);
    await until(`${name} shown`, () => pane.gFolder == wanted && pane.gDBView && !pane.gViewWrapper.searching);
  },

  /** The messages of a folder that are known here, without asking the server. */
  messages: ({ folder: name }) =>
    [...folder(name).messages].map(message => ({
      uid: message.messageKey,
      id: message.messageId,
      subject: message.mime2DecodedSubject,
      read: message.isRead,
      flagged: message.isFlagged,
      deleted: !!(message.flags & Ci.nsMsgMessageFlags.IMAPDeleted),
      whole: !!(message.flags & Ci.nsMsgMessageFlags.Offline),
      keywords: message.getStringProperty("keywords").split(" ").filter(Boolean),
    })),

  /** A message as it is kept here, without Thunderbird's own header fields, line ends as CRLF, each byte a character. */
  kept(which) {
    const message = header(which);
    const { NetUtil } = ChromeUtils.importESModule("resource://gre/modules/NetUtil.sys.mjs");
    const stream = message.folder.getMsgInputStream(message);
    const text = NetUtil.readInputStreamToString(stream, message.offlineMessageSize);
    stream.close();
    return text.replace(/^(X-Mozilla-[^\n]*\n)+/, "").replace(/\r?\n/g, "\r\n");
  },

  /** Selects a message, and reads what the message pane shows: its text, and the attachments as saving takes them. */
  async read(which) {
    const message = header(which);
    const pane = win.document.getElementById("tabmail").currentAbout3Pane;
    pane.selectMessage(message);
    const shown = await until("the message shown", () => {
      const about = pane.messageBrowser.contentWindow;
      return about.gMessage == message && about.msgLoaded && about;
    });
    const attachments = [];
    for (const attachment of shown.currentAttachments) {
      const bytes = new Uint8Array(await attachment.fetchAttachment());
      attachments.push({ name: attachment.name, size: bytes.length, sha256: await sha256(bytes) });
    }
    return { text: shown.getMessagePaneBrowser().contentDocument.body.textContent, attachments };
  },

  markRead: which => folder(which.folder).markMessagesRead([header(which)], which.read),
  markFlagged: which => folder(which.folder).markMessagesFlagged([header(which)], which.flagged),
  addTag: which => folder(which.folder).addKeywordsToMessages([header(which)], which.tag),
  removeTag: which => folder(which.folder).removeKeywordsFromMessages([header(which)], which.tag),

  /** Copies or moves messages. */
  transfer: ({ folder: name, uids, to, move }) =>
    finished("copy", listener => {
      const messages = uids.map(uid => header({ folder: name, uid }));
      MailServices.copy.copyMessages(folder(name), messages, folder(to), move, listener, win.msgWindow, true);
    }),

  /** Deletes messages; not `forever` means that they go to the trash. */
  remove: ({ folder: name, uids, forever }) =>
    finished("delete", listener => {
      const messages = uids.map(uid => header({ folder: name, uid }));
      folder(name).deleteMessages(messages, win.msgWindow, forever, false, listener, true);
    }),

  compact: ({ folder: name }) => finished("compact", listener => folder(name).compact(listener, win.msgWindow)),

  createFolder: ({ parent, name }) => (parent ? folder(parent) : root()).createSubfolder(name, win.msgWindow),
  renameFolder: ({ folder: old, name }) => folder(old).rename(name, win.msgWindow),
  deleteFolder: ({ folder: name }) => folder(name).deleteSelf(win.msgWindow),

  /** Opens a window for a new message. */
  async compose({ to, subject, html }) {
    const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
    Object.assign(fields, { to, subject, body: html });
    const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
    Object.assign(params, {
      type: Ci.nsIMsgCompType.New,
      format: Ci.nsIMsgCompFormat.HTML,
      identity: account().defaultIdentity,
      composeFields: fields,
    });
    MailServices.compose.OpenComposeWindowWithParams(null, params);
    await until("a window to write in", () => composer()?.composeEditorReady && !composer().gWindowLocked);
  },

  /** Writes another text. */
  write({ html }) {
    const editor = composer().GetCurrentEditor();
    editor.selectAll();
    editor.QueryInterface(Ci.nsIHTMLEditor).insertHTML(html);
  },

  /** Attaches a file. */
  async attach({ path }) {
    const attachment = Cc["@mozilla.org/messengercompose/attachment;1"].createInstance(Ci.nsIMsgAttachment);
    attachment.url = PathUtils.toFileURI(path);
    attachment.name = PathUtils.filename(path);
    await composer().AddAttachments([attachment]);
  },

  /** Saves as a draft, and waits until that is done. */
  async saveDraft() {
    const window = composer();
    const saved = new Promise(resolve => window.addEventListener("aftersave", resolve, { once: true }));
    await window.SaveAsDraft();
    await saved;
    await until("saved", () => !window.gSaveOperationInProgress && !window.gWindowLocked);
  },

  /** Sends, and waits until the window has closed. */
  async send() {
    const window = composer();
    window.goDoCommand("cmd_sendNow");
    await until("the window closed", () => window.closed);
  },
};
