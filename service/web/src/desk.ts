/** Entry of the officers' desk. */
import './styles/desk.css';
import './desk/deskApp';
import { keepPlaceOnLanguageChange, skipLinks } from './core/shell';

keepPlaceOnLanguageChange();
skipLinks();
