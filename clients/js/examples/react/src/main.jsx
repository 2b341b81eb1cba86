import { createRoot } from "react-dom/client";
import { Inbox } from "./Inbox.jsx";
import { useState } from "react";

/* Where Hermodr is, and whose inbox: `#api=…&token=…`. An application has the token from its own server. */
const given = new URLSearchParams(location.hash.slice(1));
const getToken = async () => given.get("token");

function App() {
  const [unread, setUnread] = useState(0);
  const [opened, setOpened] = useState("");
  return (
    <>
      <header>
        <Inbox api={given.get("api")} getToken={getToken} onCount={setUnread} onOpen={(each) => setOpened(each.title)} />
      </header>
      <main>
        <h1>Unread: {unread}</h1>
        <p>{opened}</p>
      </main>
    </>
  );
}

createRoot(document.getElementById("app")).render(<App />);
