import "@hermodr/inbox/element";
import { createApp, ref } from "vue";

/* Where Hermodr is, and whose inbox: `#api=…&token=…`. An application has the token from its own server. */
const given = new URLSearchParams(location.hash.slice(1));

const app = createApp({
  setup() {
    const unread = ref(0);
    const opened = ref("");
    const chosen = (event) => {
      event.preventDefault(); // the router's turn: router.push(event.detail.url)
      opened.value = event.detail.notification.title;
    };
    return { api: given.get("api"), getToken: async () => given.get("token"), unread, opened, chosen };
  },
  template: `
    <header>
      <hermodr-inbox :api="api" :getToken.prop="getToken"
        @hermodr:count="unread = $event.detail.unread" @hermodr:open="chosen"></hermodr-inbox>
    </header>
    <main>
      <h1>Unread: {{ unread }}</h1>
      <p>{{ opened }}</p>
    </main>`,
});
app.config.compilerOptions.isCustomElement = (tag) => tag.startsWith("hermodr-");
app.mount("#app");
