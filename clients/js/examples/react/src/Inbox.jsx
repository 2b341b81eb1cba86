import "@hermodr/inbox/element";
import { useEffect, useRef } from "react";

/** The inbox as a component. React 19 sets `getToken` as a property; its names of events cannot have a colon. */
export function Inbox({ onCount, onOpen, ...attributes }) {
  const element = useRef(null);
  useEffect(() => {
    const inbox = element.current;
    const counted = (event) => onCount?.(event.detail.unread);
    const opened = (event) => {
      if (!onOpen) return;
      event.preventDefault(); // the router's turn: navigate(event.detail.url)
      onOpen(event.detail.notification);
    };
    inbox.addEventListener("hermodr:count", counted);
    inbox.addEventListener("hermodr:open", opened);
    return () => {
      inbox.removeEventListener("hermodr:count", counted);
      inbox.removeEventListener("hermodr:open", opened);
    };
  }, [onCount, onOpen]);
  return <hermodr-inbox ref={element} {...attributes} />;
}
