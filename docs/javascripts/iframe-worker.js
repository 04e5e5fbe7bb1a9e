// Search runs in a Worker, and a page that was opened from disk may start none: there, a hidden frame takes its place and
// gets the same messages. Its name is the one under which mkdocs-material's plugin `offline` looks for such a script;
// without it the plugin would fetch another one from the network.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const script = inside.document.createElement("script");
      this.terminate = () => frame.remove();
      this.loaded = new Promise((resolve) => script.addEventListener("load", resolve));
      this.inside = inside;
      script.src = url;
      inside.document.body.append(script);
    }

    async postMessage(data) {
      await this.loaded;
      this.inside.dispatchEvent(new MessageEvent("message", { data }));
    }
  };
}
